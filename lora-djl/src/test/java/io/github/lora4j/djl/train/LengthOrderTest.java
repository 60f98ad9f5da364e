package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class LengthOrderTest {

  private static LengthOrder order(int window, boolean shuffle, int... lengths) {
    return new LengthOrder(new DataOrder(lengths.length, 42, shuffle), lengths, window);
  }

  private static int[] lengths(int count) {
    return IntStream.range(0, count).map(i -> 1 + i * 37 % 101).toArray();
  }

  @Test
  void everyEpochHasAnOrderOfItsOwnWithEveryExampleOnce() {
    LengthOrder order = order(4, true, lengths(100));

    int[] first = order.of(0);

    assertThat(order.of(0)).isEqualTo(first);
    assertThat(order.of(1)).isNotEqualTo(first);
    Arrays.sort(first);
    assertThat(first).isEqualTo(IntStream.range(0, 100).toArray());
  }

  @Test
  void longestExampleComesFirstAndStretchesFallFromLongToShort() {
    int[] lengths = lengths(1000);
    // stretches of 50 batches of 4
    int[] order = order(4, true, lengths).of(0);

    assertThat(lengths[order[0]]).isEqualTo(101);
    for (int start = 0; start < 1000; start += 200) {
      for (int i = start + 2; i < start + 200; i++) {
        assertThat(lengths[order[i]]).isLessThanOrEqualTo(lengths[order[i - 1]]);
      }
    }
    assertThat(IntStream.of(order).limit(200).max().orElse(0)).isGreaterThan(500);
  }

  /** What get_length_grouped_indices of transformers 5.18 makes of a permutation that is rising. */
  @Test
  void orderIsThatOfHuggingFace() {
    int[] lengths = {3, 1, 2, 9, 5, 5, 8, 4, 7, 6, 1, 2, 3, 4, 5, 10, 2, 2, 1};

    assertThat(order(2, false, lengths).of(0)).containsExactly(HUGGING_FACE);
  }

  private static final int[] HUGGING_FACE = {
    15, 0, 2, 1, 6, 4, 5, 7, 8, 9, 11, 10, 3, 14, 13, 12, 16, 17, 18
  };
}
