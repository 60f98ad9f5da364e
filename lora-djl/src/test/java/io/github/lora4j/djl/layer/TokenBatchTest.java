package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

final class TokenBatchTest {

  @Test
  void labelsAreShiftedByOneInsideTheirOwnSequence() {
    TokenBatch batch =
        TokenBatch.of(
            List.of(new int[] {5, 6, 7}, new int[] {8, 9}),
            List.of(new int[] {5, 6, 7}, new int[] {8, 9}));

    assertThat(batch.tokens()).containsExactly(5, 6, 7, 8, 9);
    assertThat(batch.labelledRows()).containsExactly(0, 1, 3);
    assertThat(batch.targets()).containsExactly(6, 7, 9);
    assertThat(batch.labelCount()).isEqualTo(3);
  }

  @Test
  void ignoredPositionsAndFirstTokensCarryNoLabel() {
    TokenBatch batch =
        TokenBatch.of(
            List.of(new int[] {5, 6, 7}, new int[] {8}),
            List.of(new int[] {5, -100, 7}, new int[] {8}));

    assertThat(batch.labelledRows()).containsExactly(1);
    assertThat(batch.targets()).containsExactly(7);
  }

  @Test
  void batchWithoutLabelsHasNone() {
    TokenBatch batch = TokenBatch.of(new int[] {1, 2}, new int[] {3});

    assertThat(batch.labelCount()).isZero();
    assertThat(batch.lengths()).containsExactly(2, 1);
    assertThat(batch.rows()).isEqualTo(2);
    assertThat(batch.size()).isEqualTo(3);
  }

  @Test
  void emptyAndUnequalRowsAreRefused() {
    assertThatThrownBy(() -> TokenBatch.of(new int[] {1}, new int[0]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("sequence 1 of the batch is empty");
    assertThatThrownBy(() -> TokenBatch.of(List.of(new int[2]), List.of(new int[3])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("sequence 0 has 2 tokens but 3 labels");
    assertThatThrownBy(() -> TokenBatch.of(List.of(new int[2]), List.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("1 sequences but 0 label rows");
  }
}
