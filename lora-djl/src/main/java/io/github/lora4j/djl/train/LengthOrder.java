package io.github.lora4j.djl.train;

import java.util.Arrays;
import java.util.Comparator;

/**
 * Examples of like length together, as by {@code group_by_length} of Hugging Face's Trainer: the
 * plain order is cut into stretches of {@value #STRETCH} accumulated batches, or fewer if the data
 * are not enough for four such stretches, and each is sorted from long to short. The longest
 * example of all comes first, so that memory runs out at once if it does.
 *
 * @param plain order of the single examples
 * @param lengths tokens of every example
 * @param window examples of an accumulated batch
 */
@SuppressWarnings("ArrayRecordComponent") // belongs to the survey, which is not compared
record LengthOrder(DataOrder plain, int[] lengths, int window) implements EpochOrder {

  private static final int STRETCH = 50;

  @Override
  public int[] of(int epoch) {
    int[] order = plain.of(epoch);
    int stretch = window * Math.max(1, Math.min(STRETCH, order.length / (4 * window)));
    int longest = 0;
    for (int start = 0; start < order.length; start += stretch) {
      sort(order, start, Math.min(order.length, start + stretch));
      longest = lengths[order[start]] > lengths[order[longest]] ? start : longest;
    }
    int first = order[0];
    order[0] = order[longest];
    order[longest] = first;
    return order;
  }

  /** Examples of the same length keep their order. */
  private void sort(int[] order, int start, int end) {
    Integer[] part = Arrays.stream(order, start, end).boxed().toArray(Integer[]::new);
    Arrays.sort(part, Comparator.comparingInt(example -> -lengths[example]));
    for (int i = start; i < end; i++) {
      order[i] = part[i - start];
    }
  }
}
