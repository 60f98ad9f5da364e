package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class SquadDatasetTest {

  private final SquadDataset dataset =
      new SquadDataset(
          IntStream.range(0, 20)
              .mapToObj(i -> new SquadExample("q" + i, "t", "c", "q", List.of(), true, List.of()))
              .toList());

  @Test
  void limitKeepsTheFirstQuestions() {
    assertThat(dataset.limit(3).examples()).isEqualTo(dataset.examples().subList(0, 3));
    assertThat(dataset.limit(100)).isEqualTo(dataset);
  }

  @Test
  void shufflingIsDecidedByTheSeed() {
    SquadDataset shuffled = dataset.shuffle(1);

    assertThat(shuffled).isEqualTo(dataset.shuffle(1)).isNotEqualTo(dataset);
    assertThat(shuffled).isNotEqualTo(dataset.shuffle(2));
    assertThat(shuffled.examples()).containsExactlyInAnyOrderElementsOf(dataset.examples());
  }
}
