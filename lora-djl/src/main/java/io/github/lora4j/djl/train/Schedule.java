package io.github.lora4j.djl.train;

/**
 * How the learning rate goes, with the meaning of transformers' {@code get_scheduler}: it rises
 * from 0 in a straight line over the warmup, so that the first step of a warmup changes nothing.
 *
 * @since 0.1.0
 */
public enum Schedule {
  /** After the warmup in a straight line to 0, which the step after the last would have. */
  LINEAR {
    @Override
    double decay(double progress) {
      return Math.max(0, 1 - progress);
    }
  },
  /** After the warmup along half a period of a cosine to 0. */
  COSINE {
    @Override
    double decay(double progress) {
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
    }
  },
  /** After the warmup the same for all steps. */
  CONSTANT {
    @Override
    double decay(double progress) {
      return 1;
    }
  };

  /** Factor after the warmup. */
  abstract double decay(double progress);

  /**
   * Factor of the learning rate.
   *
   * @param taken steps taken before, so 0 for the first
   * @param warmupSteps steps of the warmup
   * @param totalSteps steps of the run, warmup included
   * @return 0 to 1
   */
  double factor(int taken, int warmupSteps, int totalSteps) {
    if (taken < warmupSteps) {
      return (double) taken / warmupSteps;
    }
    return decay((double) (taken - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  }
}
