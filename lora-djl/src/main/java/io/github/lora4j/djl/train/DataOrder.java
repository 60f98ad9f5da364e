package io.github.lora4j.djl.train;

import io.github.lora4j.djl.internal.RandomStream;
import java.util.Arrays;

/**
 * The examples one by one.
 *
 * @param size examples
 * @param seed of the run
 * @param shuffle whether every epoch has an order of its own
 */
record DataOrder(int size, long seed, boolean shuffle) implements EpochOrder {

  /** Keeps the stream apart from that of dropout. */
  private static final long PURPOSE = 1;

  @Override
  public int[] of(int epoch) {
    return shuffled(size, random(epoch));
  }

  RandomStream random(int epoch) {
    return new RandomStream(RandomStream.seed(seed, PURPOSE, epoch));
  }

  /** The numbers from 0 to below a count, by Fisher and Yates if shuffled at all. */
  int[] shuffled(int count, RandomStream random) {
    int[] order = new int[count];
    Arrays.setAll(order, i -> i);
    if (shuffle) {
      for (int i = count - 1; i > 0; i--) {
        int other = random.below(i + 1);
        int kept = order[i];
        order[i] = order[other];
        order[other] = kept;
      }
    }
    return order;
  }
}
