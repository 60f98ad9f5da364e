package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.djl.Siblings;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class TokenBatchTest {

  @Test
  void labelsAreShiftedByOneInsideTheirOwnSequence() {
    TokenBatch batch =
        TokenBatch.of(
            List.of(new int[] {5, 6, 7}, new int[] {8, 9}),
            List.of(new int[] {5, 6, 7}, new int[] {8, 9}));

    assertThat(batch.tokens()).containsExactly(5, 6, 7, 8, 9);
    assertThat(batch.labels().rows()).containsExactly(0, 1, 3);
    assertThat(batch.labels().targets()).containsExactly(6, 7, 9);
    assertThat(batch.labelCount()).isEqualTo(3);
  }

  @Test
  void ignoredPositionsAndFirstTokensCarryNoLabel() {
    TokenBatch batch =
        TokenBatch.of(
            List.of(new int[] {5, 6, 7}, new int[] {8}),
            List.of(new int[] {5, -100, 7}, new int[] {8}));

    assertThat(batch.labels().rows()).containsExactly(1);
    assertThat(batch.labels().targets()).containsExactly(7);
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

  @Test
  void sharedTokensStandOnceAndTheirLabelsCountForEverySequence() {
    int[] passage = IntStream.range(100, 116).toArray();
    int[] first = Siblings.join(passage, new int[] {1, 2});
    int[] second = Siblings.join(passage, new int[] {3});
    int[] third = Siblings.join(passage, new int[] {1, 4});
    List<int[]> rows = List.of(first, new int[] {8, 9}, second, third);
    TokenBatch whole = TokenBatch.of(rows, rows);

    TokenBatch shared = whole.shared();

    assertThat(shared.isShared()).isTrue();
    assertThat(shared.shared()).isSameAs(shared);
    assertThat(shared.unshared()).isSameAs(whole);
    assertThat(shared.size()).isEqualTo(23);
    assertThat(shared.rows()).isEqualTo(4);
    assertThat(shared.lengths()).containsExactly(18, 2, 17, 18);
    assertThat(shared.labelCount()).isEqualTo(whole.labelCount()).isEqualTo(51);
    assertThat(Arrays.copyOfRange(shared.tokens(), 15, 23))
        .containsExactly(115, 1, 2, 3, 1, 4, 8, 9);
    assertThat(shared.pieces().lengths()).containsExactly(16, 2, 1, 2, 2);
    assertThat(shared.pieces().parents()).containsExactly(-1, 0, 0, 0, -1);
    assertThat(shared.pieces().ends()).containsExactly(17, 22, 18, 20);
    // the last of the passage is followed by 1 twice and by 3 once, the others by one token
    LabelledRows labels = shared.labels();
    assertThat(labels.rounds()).containsExactly(19, 1);
    assertThat(labels.rows()).endsWith(14, 15, 16, 21, 19).hasSize(19);
    assertThat(labels.states()).startsWith(0, 1).endsWith(18, 15).hasSize(20);
    assertThat(labels.targets()).endsWith(115, 1, 2, 9, 4, 3);
    assertThat(labels.counts()).endsWith(3, 2, 1, 1, 1, 1);
  }

  @Test
  void batchWithNothingToShareStaysAsItIs() {
    TokenBatch batch = TokenBatch.of(new int[] {1, 2}, new int[] {1, 2});

    assertThat(batch.shared()).isSameAs(batch);
    assertThat(batch.isShared()).isFalse();
  }
}
