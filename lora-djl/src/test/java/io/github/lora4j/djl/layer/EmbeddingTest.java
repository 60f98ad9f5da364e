package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class EmbeddingTest {

  private static final int V = 7;
  private static final String PATH = "words";
  private static final int D = 3;

  @ParameterizedTest
  @CsvSource({"FP32, FP32", "FP16, FP32", "BF16, BF16", "BF16, FP32"})
  void everyTokenGetsItsRowInTheTypeOfTheLayers(ScalarType stored, ScalarType compute) {
    try (LayerLab lab = new LayerLab(1)) {
      NDArray table = lab.as(stored, lab.normal(V, D));
      float[] rows = lab.floats(table);
      TokenBatch batch = TokenBatch.of(new int[] {6, 0}, new int[] {3, 3, 1});

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        NDArray y = new Embedding(PATH, FrozenMatrix.of(table), compute).forward(pass, Tape.off());

        assertThat(y.getShape().getShape()).containsExactly(5, D);
        float[] found = lab.floats(y);
        for (int n = 0; n < 5; n++) {
          int token = (int) batch.tokens()[n];
          assertThat(LayerLab.rows(found, D, n, 1))
              .containsExactly(LayerLab.rows(rows, D, token, 1));
        }
      }
    }
  }

  @Test
  void rowsOfInt8AreThoseOfTheDequantisedTable() {
    try (LayerLab lab = new LayerLab(3)) {
      FrozenMatrix table = lab.int8(lab.normal(V, D));
      float[] rows = table.dequantised(lab.manager).toFloatArray();
      TokenBatch batch = TokenBatch.of(new int[] {6, 0}, new int[] {3, 3, 1});

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        float[] found =
            lab.floats(new Embedding(PATH, table, ScalarType.FP32).forward(pass, Tape.off()));

        for (int n = 0; n < 5; n++) {
          int token = (int) batch.tokens()[n];
          assertThat(LayerLab.rows(found, D, n, 1))
              .containsExactly(LayerLab.rows(rows, D, token, 1));
        }
      }
    }
  }

  @Test
  void passesLeaveNoArrays() {
    try (LayerLab lab = new LayerLab(2)) {
      Embedding layer = new Embedding(PATH, FrozenMatrix.of(lab.normal(V, D)), ScalarType.FP32);

      lab.assertNoLeak(
          lab.batch(V, 3, 1),
          lab.adapter(true, lab.pair("elsewhere", 2, 2, 1, 0)),
          pass -> layer.forward(pass, Tape.off()));
    }
  }
}
