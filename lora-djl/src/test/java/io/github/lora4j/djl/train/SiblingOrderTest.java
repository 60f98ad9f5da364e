package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class SiblingOrderTest {

  private static SiblingOrder order(int window, int... families) {
    return new SiblingOrder(new DataOrder(families.length, 42, true), families, window);
  }

  /** Families as SQuAD has them: up to nine questions on a passage, not all of them neighbours. */
  private static int[] families() {
    return IntStream.range(0, 500).map(i -> (i * 7 % 500) / (3 + i % 7)).toArray();
  }

  @Test
  void everyEpochHasAnOrderOfItsOwnWithEveryExampleOnce() {
    SiblingOrder order = order(16, families());

    int[] first = order.of(0);

    assertThat(order.of(0)).isEqualTo(first);
    assertThat(order.of(1)).isNotEqualTo(first);
    Arrays.sort(first);
    assertThat(first).isEqualTo(IntStream.range(0, 500).toArray());
  }

  @Test
  void familiesThatFitStayInOneBatchEach() {
    // windows of four: 3 + 1, 2 + 2, 2 + 1 + 1, and the last of two
    int[] families = {0, 0, 0, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 7};
    SiblingOrder order = order(4, families);

    for (int epoch = 0; epoch < 50; epoch++) {
      int split = 0;
      for (int family = 0; family < 8; family++) {
        split += windows(order.of(epoch), families, family, 4) - 1;
      }
      assertThat(split).as("families split in epoch %d", epoch).isLessThanOrEqualTo(2);
    }
  }

  /** Against the plain order, where siblings meet by chance only. */
  @Test
  void siblingsMeetFarMoreOftenThanByChance() {
    int[] families = families();
    int[] plain = new DataOrder(500, 42, true).of(0);
    int[] grouped = order(16, families).of(0);

    assertThat(meetings(grouped, families)).isGreaterThan(5 * meetings(plain, families));
  }

  private static int meetings(int[] order, int[] families) {
    int different = 0;
    for (int start = 0; start < order.length; start += 16) {
      int end = Math.min(order.length, start + 16);
      different += (int) Arrays.stream(order, start, end).map(i -> families[i]).distinct().count();
    }
    return order.length - different;
  }

  @Test
  void largeFamiliesAreCutIntoWholeBatches() {
    int[] families = {0, 0, 0, 0, 0, 0, 0, 0};
    int[] order = order(3, families).of(0);

    assertThat(order).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7);
  }

  @Test
  void singleExamplesAreShuffledThoughTheyAreSiblings() {
    assertThat(order(1, families()).of(0)).isNotEqualTo(order(1, families()).of(1));
    assertThat(inARow(order(1, families()).of(0), families())).isLessThan(50);
  }

  private static int inARow(int[] order, int[] families) {
    return (int)
        IntStream.range(1, order.length)
            .filter(i -> families[order[i]] == families[order[i - 1]])
            .count();
  }

  @Test
  void withoutShufflingFamiliesFollowTheDataset() {
    int[] families = {0, 1, 0, 2, 1, 2, 0};
    SiblingOrder order = new SiblingOrder(new DataOrder(7, 42, false), families, 3);

    assertThat(order.of(5)).containsExactly(0, 2, 6, 1, 4, 3, 5);
  }

  /** A checkpoint of one release must go on under the next: these numbers may never change. */
  @Test
  void orderStaysWhatItWas() {
    assertThat(order(4, 0, 0, 1, 1, 1, 2, 0, 3).of(0)).containsExactly(2, 3, 4, 5, 7, 6, 1, 0);
  }

  private static int windows(int[] order, int[] families, int family, int size) {
    List<Integer> touched =
        IntStream.range(0, order.length)
            .filter(i -> families[order[i]] == family)
            .mapToObj(i -> i / size)
            .distinct()
            .toList();
    return touched.size();
  }
}
