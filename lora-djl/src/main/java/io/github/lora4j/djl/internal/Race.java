package io.github.lora4j.djl.internal;

import java.util.Arrays;

/** Times ways to do the same thing against each other. */
final class Race {

  private Race() {}

  /**
   * The least time of each. They take turns, so that a busy moment meets all of them, and the first
   * turn, in which code is compiled and memory obtained, does not count.
   *
   * @param turns how often each runs
   * @param rivals what is timed
   * @return nanoseconds, at least 1, in the order of the rivals
   */
  static long[] best(int turns, Runnable... rivals) {
    long[] best = new long[rivals.length];
    Arrays.fill(best, Long.MAX_VALUE);
    for (int turn = -1; turn < turns; turn++) {
      for (int i = 0; i < rivals.length; i++) {
        long start = System.nanoTime();
        rivals[i].run();
        long time = Math.max(1, System.nanoTime() - start);
        best[i] = turn < 0 ? best[i] : Math.min(best[i], time);
      }
    }
    return best;
  }
}
