package io.github.lora4j.djl.train;

import io.github.lora4j.djl.internal.RandomStream;
import java.util.Arrays;

/**
 * In which order an epoch sees the examples: a function of seed and epoch alone, so that a resumed
 * run need not replay the epochs before.
 *
 * @param size examples
 * @param seed of the run
 * @param shuffle whether every epoch has an order of its own
 */
record DataOrder(int size, long seed, boolean shuffle) {

  /** Keeps the stream apart from that of dropout. */
  private static final long PURPOSE = 1;

  /** Indices of the examples, by Fisher and Yates. */
  int[] of(int epoch) {
    int[] order = new int[size];
    Arrays.setAll(order, i -> i);
    if (shuffle) {
      RandomStream random = new RandomStream(RandomStream.seed(seed, PURPOSE, epoch));
      for (int i = size - 1; i > 0; i--) {
        int other = random.below(i + 1);
        int kept = order[i];
        order[i] = order[other];
        order[other] = kept;
      }
    }
    return order;
  }
}
