package io.github.lora4j.djl.train;

/**
 * In which order an epoch sees the examples: a function of seed and epoch alone, so that a resumed
 * run need not replay the epochs before.
 */
interface EpochOrder {

  /** Every index of an example once. */
  int[] of(int epoch);

  /** The order that the options of a run ask for. */
  static EpochOrder of(StepPlan plan, DataSurvey data) {
    TrainingOptions options = plan.options();
    DataOrder plain = new DataOrder(data.examples(), options.seed(), options.shuffle());
    if (options.sharePassages()) {
      return new SiblingOrder(plain, data.families(), plan.windowSize());
    }
    return options.groupByLength()
        ? new LengthOrder(plain, data.lengths(), plan.windowSize())
        : plain;
  }
}
