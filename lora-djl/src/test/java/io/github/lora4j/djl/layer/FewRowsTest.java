package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** However many rows a product has, it is the same product: few of them take another way. */
final class FewRowsTest {

  private static final int MANY = 40;
  private static final NDArray[] NONE = {};

  /** Higher than wide, wider than high; as many rows as decide the way, and their neighbours. */
  @ParameterizedTest
  @CsvSource({
    "FP32, 24, 10, 1e-5",
    "FP32, 10, 24, 1e-5",
    "BF16, 24, 10, 1e-2",
    "BF16, 10, 24, 1e-2"
  })
  void anyNumberOfRowsGivesTheRowsOfTheWhole(ScalarType type, int out, int in, double tolerance) {
    try (LayerLab lab = new LayerLab(1)) {
      NDArray x = lab.as(type, lab.normal(MANY, in));
      NDArray weight = lab.as(type, lab.normal(out, in));
      NDArray bias = lab.normal(out);
      NDArray biases = lab.normal(MANY, out);
      float[] plain = product(lab, x, weight, null);
      float[] biased = product(lab, x, weight, bias);
      float[] ownBiases = product(lab, x, weight, biases);

      for (int rows : new int[] {1, 2, 3, 4, 5, 16, 32, 33}) {
        NDArray some = first(lab, x, rows);
        NDArray own = first(lab, biases, rows);

        LayerLab.assertClose(
            product(lab, some, weight, null), LayerLab.rows(plain, out, 0, rows), tolerance);
        LayerLab.assertClose(
            product(lab, some, weight, bias), LayerLab.rows(biased, out, 0, rows), tolerance);
        LayerLab.assertClose(
            product(lab, some, weight, own), LayerLab.rows(ownBiases, out, 0, rows), tolerance);
      }
    }
  }

  private static NDArray first(LayerLab lab, NDArray array, int rows) {
    return Kernels.get().one(lab.manager, "rows_of", array, 0, rows);
  }

  private static float[] product(LayerLab lab, NDArray x, NDArray weight, @Nullable NDArray bias) {
    return lab.floats(
        bias == null
            ? Kernels.get().one(lab.manager, "frozen_forward", x, weight, NONE, false)
            : Kernels.get().one(lab.manager, "frozen_forward_bias", x, weight, NONE, false, bias));
  }
}
