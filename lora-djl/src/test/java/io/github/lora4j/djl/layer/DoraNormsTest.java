package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The rows of W + s·BA: their lengths, and what merging makes of them. */
final class DoraNormsTest {

  private static final double SCALING = 0.75;

  @ParameterizedTest
  @EnumSource(names = {"FP32", "BF16", "FP16", "INT8"})
  void lengthsAreThoseOfTheDequantisedMatrix(ScalarType storage) {
    try (LayerLab lab = new LayerLab(1)) {
      NDArray w = lab.normal(7, 32);
      FrozenMatrix matrix =
          storage == ScalarType.INT8 ? lab.int8(w) : FrozenMatrix.of(lab.as(storage, w));
      NDArray a = lab.normal(3, 32);
      NDArray b = lab.normal(7, 3);
      NDArray norms = lab.manager.zeros(new Shape(7), DataType.FLOAT32);

      matrix.rowNorms(norms, a, b, SCALING);

      LayerLab.assertClose(
          norms.toFloatArray(), exact(matrix.dequantised(lab.manager), a, b), 1e-6);
    }
  }

  /** Blocks of rows: 1 M elements each, here five of them and a rest. */
  @Test
  void largeMatricesAreMeasuredInBlocks() {
    try (LayerLab lab = new LayerLab(2)) {
      NDArray w = lab.normal(5200, 1024);
      NDArray a = lab.normal(2, 1024);
      NDArray b = lab.normal(5200, 2);
      NDArray norms = lab.manager.zeros(new Shape(5200), DataType.FLOAT32);

      FrozenMatrix.of(w).rowNorms(norms, a, b, SCALING);

      LayerLab.assertClose(norms.toFloatArray(), exact(w, a, b), 2e-6);
    }
  }

  /** ‖W‖² + 2s·W·BA + s²‖BA‖² would be off by more than the length itself. */
  @Test
  void updateThatNearlyCancelsTheMatrixLosesNoDigits() {
    try (LayerLab lab = new LayerLab(3)) {
      NDArray a = lab.normal(2, 64);
      NDArray b = lab.normal(6, 2);
      NDArray w = b.matMul(a).mul(-SCALING).add(lab.normal(6, 64).mul(1e-4));
      NDArray norms = lab.manager.zeros(new Shape(6), DataType.FLOAT32);

      FrozenMatrix.of(w).rowNorms(norms, a, b, SCALING);

      assertThat(norms.toFloatArray()[0]).isLessThan(2e-3f);
      LayerLab.assertClose(norms.toFloatArray(), exact(w, a, b), 2e-3); // of rounding in W + s·BA
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "BF16", "INT8"})
  void mergedMatrixGivesWhatTheLayerGives(ScalarType storage) {
    try (LayerLab lab = new LayerLab(4)) {
      NDArray w = lab.normal(7, 32);
      FrozenMatrix matrix =
          storage == ScalarType.INT8 ? lab.int8(w) : FrozenMatrix.of(lab.as(storage, w));
      AdapterWeights adapter =
          lab.adapter(false, Map.of("q.lora_magnitude_vector", 7), lab.pair("q", 32, 7, 3, 0));
      LowRank pair = Objects.requireNonNull(adapter.pair("q"));
      NDArray x = lab.normal(4, 32);

      FrozenMatrix.Merged merged = matrix.plus(pair, lab.manager).all();

      assertThat(merged.finite()).isTrue();
      NDArray rows = merged.matrix().dequantised(lab.manager); // (7, 32)
      try (Pass pass =
          Pass.inference(
              lab.manager, lab.batch(9, 4), List.of(new AdapterSegment(adapter, 0, 1)))) {
        NDArray y = new Projection("q", matrix, null).forward(x, pass, Tape.off());
        LayerLab.assertClose(
            x.matMul(rows.transpose()).toFloatArray(), y.toFloatArray(), rounding(storage));
      }
    }
  }

  /** Merged rows are rounded to what the matrix is stored in. */
  private static double rounding(ScalarType storage) {
    return switch (storage) {
      case BF16 -> 5e-3;
      case INT8 -> 1e-2;
      default -> 1e-5;
    };
  }

  /** In fp64. */
  private static float[] exact(NDArray w, NDArray a, NDArray b) {
    NDArray update =
        b.toType(DataType.FLOAT64, true).matMul(a.toType(DataType.FLOAT64, true)).mul(SCALING);
    return w.toType(DataType.FLOAT64, true)
        .add(update)
        .square()
        .sum(new int[] {1})
        .sqrt()
        .toType(DataType.FLOAT32, true)
        .toFloatArray();
  }
}
