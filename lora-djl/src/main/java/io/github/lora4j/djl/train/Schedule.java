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
    double decay(int past, int length) {
      return Math.max(0, (double) (length - past) / length);
    }
  },
  /** After the warmup along half a period of a cosine to 0. */
  COSINE {
    @Override
    double decay(int past, int length) {
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((double) past / length))));
    }
  },
  /** After the warmup the same for all steps. */
  CONSTANT {
    @Override
    double decay(int past, int length) {
      return 1;
    }
  };

  /** Factor so many steps past the warmup, of the length that is left for them. */
  abstract double decay(int past, int length);

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
    return decay(taken - warmupSteps, Math.max(1, totalSteps - warmupSteps));
  }
}
