package io.github.lora4j.djl.internal;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class RandomStreamTest {

  /** The reference implementation's first numbers for this seed (Vigna, splitmix64.c). */
  @Test
  void numbersAreThoseOfSplitMix64() {
    RandomStream random = new RandomStream(1234567);

    assertThat(random.next()).isEqualTo(Long.parseUnsignedLong("6457827717110365317"));
    assertThat(random.next()).isEqualTo(Long.parseUnsignedLong("3203168211198807973"));
    assertThat(random.next()).isEqualTo(Long.parseUnsignedLong("9817491932198370423"));
  }

  @Test
  void seedsDifferInEveryPartAndInTheirOrder() {
    assertThat(RandomStream.seed(1, 2, 3))
        .isEqualTo(RandomStream.seed(1, 2, 3))
        .isNotIn(
            RandomStream.seed(2, 1, 3),
            RandomStream.seed(1, 2, 4),
            RandomStream.seed(1, 2),
            RandomStream.seed(0, 2, 3));
  }
}
