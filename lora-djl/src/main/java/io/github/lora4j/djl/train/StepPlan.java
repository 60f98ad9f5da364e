package io.github.lora4j.djl.train;

/**
 * Which batches make which optimiser step, counted as Hugging Face's Trainer does: the last batch
 * of an epoch may be small, and the last step of an epoch may accumulate fewer batches.
 *
 * @param examples of the dataset
 * @param options batch size, accumulation, steps or epochs, warmup
 */
record StepPlan(int examples, TrainingOptions options) {

  /**
   * The batches of one optimiser step.
   *
   * @param epoch from 0
   * @param firstBatch of the epoch, from 0
   * @param endBatch the one after the last
   */
  record Window(int epoch, int firstBatch, int endBatch) {}

  /** Examples of an accumulated batch, unless it is the last one of an epoch. */
  int windowSize() {
    return Math.multiplyExact(options.batchSize(), options.gradientAccumulation());
  }

  int batchesPerEpoch() {
    return ceilDiv(examples, options.batchSize());
  }

  int stepsPerEpoch() {
    return ceilDiv(batchesPerEpoch(), options.gradientAccumulation());
  }

  int totalSteps() {
    return options.maxSteps() > 0
        ? options.maxSteps()
        : Math.toIntExact((long) Math.ceil(options.epochs() * stepsPerEpoch()));
  }

  int warmupSteps() {
    return options.warmupSteps() > 0
        ? options.warmupSteps()
        : (int) Math.ceil(totalSteps() * options.warmupRatio());
  }

  double learningRate(int step) {
    return options.learningRate()
        * options.schedule().factor(step - 1, warmupSteps(), totalSteps());
  }

  /** The batches of a step, which counts from 1. */
  Window window(int step) {
    int within = (step - 1) % stepsPerEpoch();
    int first = within * options.gradientAccumulation();
    int end = Math.min(batchesPerEpoch(), first + options.gradientAccumulation());
    return new Window((step - 1) / stepsPerEpoch(), first, end);
  }

  /** Passes over the data when a step is done. */
  double epochAfter(int step) {
    Window window = window(step);
    return window.epoch() + (double) window.endBatch() / batchesPerEpoch();
  }

  boolean endsEpoch(int step) {
    return step % stepsPerEpoch() == 0;
  }

  private static int ceilDiv(int dividend, int divisor) {
    return (int) (((long) dividend + divisor - 1) / divisor);
  }
}
