package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.MatrixProducts;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class FrozenMatrixTest {

  private final LayerLab lab = new LayerLab(1);

  /** Few rows and whole vectors are multiplied as they are packed, others are dequantised. */
  @ParameterizedTest
  @CsvSource({
    "FP32, 1, 7, 32, 1e-5", "FP32, 15, 5, 64, 1e-5", "FP32, 16, 5, 64, 1e-5",
    "FP32, 3, 6, 33, 1e-5", "FP32, 40, 9, 5, 1e-5", "BF16, 1, 7, 32, 1e-2",
    "BF16, 16, 5, 64, 1e-2", "BF16, 17, 5, 64, 1e-2", "BF16, 3, 6, 33, 1e-2",
  })
  void int8ProductsAreThoseOfTheDequantisedMatrix(
      ScalarType type, int n, int out, int in, double tolerance) {
    try (lab) {
      FrozenMatrix matrix = lab.int8(lab.normal(out, in));
      NDArray dense = matrix.dequantised(lab.manager);
      NDArray x = lab.as(type, lab.normal(n, in));
      NDArray dy = lab.as(type, lab.normal(n, out));
      NDArray bias = lab.normal(out);
      NDArray y = lab.as(ScalarType.FP32, x).matMul(dense.transpose());

      try (Pass pass = Pass.inference(lab.manager, lab.batch(9, n), List.of())) {
        LayerLab.assertClose(lab.floats(matrix.forward(x, pass)), y.toFloatArray(), tolerance);
        LayerLab.assertClose(
            lab.floats(matrix.forward(x, bias, pass)), y.add(bias).toFloatArray(), tolerance);
        LayerLab.assertClose(
            lab.floats(matrix.backward(dy, pass)),
            lab.as(ScalarType.FP32, dy).matMul(dense).toFloatArray(),
            tolerance);
      }
    }
  }

  @Test
  void everyElementIsRoundedByHalfAStepAtMost() {
    try (lab) {
      NDArray matrix = lab.normal(50, 40);
      float[] exact = matrix.toFloatArray();

      float[] rounded = lab.int8(matrix).dequantised(lab.manager).toFloatArray();

      assertThat(matrix.toFloatArray()).isEqualTo(exact);
      for (int row = 0; row < 50; row++) {
        float largest = 0;
        for (int i = row * 40; i < (row + 1) * 40; i++) {
          largest = Math.max(largest, Math.abs(exact[i]));
        }
        for (int i = row * 40; i < (row + 1) * 40; i++) {
          // a scale is rounded to 8 bits, which makes a step at most 1/256 larger
          assertThat(Math.abs(rounded[i] - exact[i])).isLessThanOrEqualTo(largest / 127 * 0.502f);
        }
      }
    }
  }

  @Test
  void rowOfZerosStaysZeroAndARowThatIsNotFiniteShowsIt() {
    try (lab) {
      NDArray matrix = lab.manager.create(new float[][] {{0, 0}, {1, Float.NaN}, {3, -4}});

      float[] rounded = lab.int8(matrix).dequantised(lab.manager).toFloatArray();

      assertThat(rounded[0]).isZero();
      assertThat(rounded[1]).isZero();
      assertThat(rounded[2]).isNaN();
      assertThat(rounded[3]).isNaN();
      assertThat(rounded[5]).isBetween(-4.02f, -3.98f);
    }
  }

  /** 9 rows of 2²⁰ + 1 columns are two blocks. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void matricesLargerThanABlockAreConvertedBlockByBlock(boolean int8) {
    try (lab) {
      NDArray full = lab.normal(9, (1 << 20) + 1);
      FrozenMatrix matrix = int8 ? lab.int8(full) : FrozenMatrix.of(lab.as(ScalarType.FP16, full));
      NDArray dense = matrix.dequantised(lab.manager);
      NDArray x = lab.normal(2, (1 << 20) + 1);
      NDArray dy = lab.normal(2, 9);

      try (Pass pass = Pass.inference(lab.manager, lab.batch(9, 2), List.of())) {
        LayerLab.assertClose(
            matrix.forward(x, pass).toFloatArray(),
            x.matMul(dense.transpose()).toFloatArray(),
            1e-5);
        LayerLab.assertClose(
            matrix.backward(dy, pass).toFloatArray(), dy.matMul(dense).toFloatArray(), 1e-5);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void bothLibrariesMultiplyEveryShape(MatrixProducts.Library library) {
    try (lab) {
      int[][] shapes = {{1, 1, 1}, {1, 64, 32}, {3, 7, 5}, {17, 33, 65}, {64, 96, 32}};
      for (int[] shape : shapes) {
        NDArray weight = lab.normal(shape[1], shape[2]);
        NDArray x = lab.normal(shape[0], shape[2]);
        NDArray dy = lab.normal(shape[0], shape[1]);
        NDArray bias = lab.normal(shape[1]);
        NDArray y = x.matMul(weight.transpose());
        FrozenMatrix matrix = new FrozenMatrix(weight, null, MatrixProducts.by(library));

        try (Pass pass = Pass.inference(lab.manager, lab.batch(9, shape[0]), List.of())) {
          LayerLab.assertClose(matrix.forward(x, pass).toFloatArray(), y.toFloatArray(), 1e-5);
          LayerLab.assertClose(
              matrix.forward(x, bias, pass).toFloatArray(), y.add(bias).toFloatArray(), 1e-5);
          LayerLab.assertClose(
              matrix.backward(dy, pass).toFloatArray(), dy.matMul(weight).toFloatArray(), 1e-5);
        }
      }
    }
  }

  @Test
  void passesLeaveNoArrays() {
    try (lab) {
      FrozenMatrix matrix = lab.int8(lab.normal(6, 32));
      NDArray x = lab.normal(3, 32);
      NDArray dy = lab.normal(3, 6);

      lab.assertNoLeak(
          lab.batch(9, 3),
          lab.adapter(true, lab.pair("elsewhere", 2, 2, 1, 0)),
          pass -> {
            matrix.forward(x, pass);
            matrix.backward(dy, pass);
          });
    }
  }
}
