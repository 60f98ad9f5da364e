package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class DataOrderTest {

  @Test
  void everyEpochHasAnOrderOfItsOwnWithEveryExampleOnce() {
    DataOrder order = new DataOrder(50, 42, true);

    int[] first = order.of(0);
    int[] second = order.of(1);

    assertThat(first).isNotEqualTo(second).isNotEqualTo(new DataOrder(50, 42, false).of(0));
    Arrays.sort(first);
    Arrays.sort(second);
    assertThat(first).isEqualTo(second).isEqualTo(new DataOrder(50, 42, false).of(0));
  }

  @Test
  void anotherSeedGivesAnotherOrder() {
    assertThat(new DataOrder(50, 42, true).of(0)).isNotEqualTo(new DataOrder(50, 43, true).of(0));
  }

  /** A checkpoint of one release must go on under the next: these numbers may never change. */
  @Test
  void orderStaysWhatItWas() {
    assertThat(new DataOrder(8, 42, true).of(0)).containsExactly(4, 5, 3, 7, 1, 2, 6, 0);
  }

  @Test
  void everyPlaceIsEquallyLikely() {
    int[] counts = new int[5];
    for (int epoch = 0; epoch < 10_000; epoch++) {
      counts[new DataOrder(5, 1, true).of(epoch)[0]]++;
    }

    // five standard deviations of a fair count
    for (int count : counts) {
      assertThat(count).isBetween(1800, 2200);
    }
  }

  @Test
  void withoutShufflingTheOrderIsThatOfTheDataset() {
    assertThat(new DataOrder(3, 42, false).of(7)).containsExactly(0, 1, 2);
  }
}
