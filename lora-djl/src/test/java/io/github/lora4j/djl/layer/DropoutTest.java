package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Masks come from (seed, module, element) alone: nothing is stored between the two passes. */
final class DropoutTest {

  private static final int N = 400;
  private static final int WIDTH = 500;

  @ParameterizedTest
  @ValueSource(doubles = {0.01, 0.05, 0.5, 0.9})
  void keptShareAndScaleAreThoseOfDropout(double p) {
    try (LayerLab lab = new LayerLab(1)) {
      float[] mask = mask(lab, N, WIDTH, p, 11);

      double sigma = Math.sqrt(p * (1 - p) / mask.length);
      assertThat(dropped(mask)).isCloseTo(p, within(4 * sigma));
      for (float value : mask) {
        assertThat(value == 0 || value == (float) (1 / (1 - p))).isTrue();
      }
    }
  }

  @Test
  void neighboursRowsAndColumnsAreIndependent() {
    try (LayerLab lab = new LayerLab(2)) {
      float[] mask = mask(lab, N, WIDTH, 0.5, 12);

      for (int distance : new int[] {1, 2, 3, 16, WIDTH - 1, WIDTH, WIDTH + 1, 7 * WIDTH}) {
        assertThat(agreement(mask, mask, distance))
            .as("agreement at distance %d", distance)
            .isCloseTo(0.5, within(4 * 0.5 / Math.sqrt(mask.length)));
      }
    }
  }

  @Test
  void masksDifferBetweenPassesAndBetweenModules() {
    try (LayerLab lab = new LayerLab(3)) {
      TokenBatch batch = lab.batch(9, 2);
      AdapterWeights adapter = lab.adapter(true, lab.pair("h.0.dense", 2, 2, 1, 0.5));
      long[] seeds = new long[6];
      for (int pass = 0; pass < 3; pass++) {
        try (Pass one = Pass.training(lab.manager, batch, adapter, pass)) {
          seeds[2 * pass] = one.dropoutSeed("h.0.dense");
          seeds[2 * pass + 1] = one.dropoutSeed("h.1.dense");
          assertThat(one.dropoutSeed("h.0.dense")).isEqualTo(seeds[2 * pass]);
        }
      }

      for (int i = 0; i < seeds.length; i++) {
        for (int j = 0; j < i; j++) {
          float[] one = mask(lab, N, WIDTH, 0.5, seeds[i]);
          float[] other = mask(lab, N, WIDTH, 0.5, seeds[j]);
          assertThat(agreement(one, other, 0))
              .as("agreement of masks %d and %d", i, j)
              .isCloseTo(0.5, within(4 * 0.5 / Math.sqrt(one.length)));
        }
      }
    }
  }

  @Test
  void elementsDoNotDependOnHowTheMaskIsCutIntoPieces() {
    try (LayerLab lab = new LayerLab(4)) {
      float[] wide = mask(lab, 5, 600_000, 0.3, 13); // made in five pieces
      float[] narrow = mask(lab, 3_000, 1_000, 0.3, 13); // made in three

      assertThat(wide).isEqualTo(narrow);
    }
  }

  @Test
  void halfPrecisionDropsTheSameElements() {
    try (LayerLab lab = new LayerLab(5)) {
      NDArray like = lab.manager.zeros(new Shape(20, 30));
      float[] full = lab.floats(Kernels.get().one(lab.manager, "dropout_mask", like, 0.5, 14L));
      NDArray half = lab.as(ScalarType.BF16, like);

      float[] found = lab.floats(Kernels.get().one(lab.manager, "dropout_mask", half, 0.5, 14L));

      assertThat(found).isEqualTo(full);
    }
  }

  @Test
  void inferenceDropsNothing() {
    try (LayerLab lab = new LayerLab(6)) {
      AdapterWeights adapter = lab.adapter(true, lab.pair("p", 3, 3, 2, 0.9));
      Projection layer = new Projection("p", FrozenMatrix.of(lab.normal(3, 3)), null);
      NDArray x = lab.normal(2, 3);
      List<AdapterSegment> all = List.of(new AdapterSegment(adapter, 0, 1));
      float[] first;
      try (Pass pass = Pass.inference(lab.manager, lab.batch(9, 2), all)) {
        first = layer.forward(x, pass, Tape.off()).toFloatArray();
      }
      NDArray a = lab.copyOf(adapter, "p.lora_A");
      NDArray b = lab.copyOf(adapter, "p.lora_B");
      try (Pass pass = Pass.inference(lab.manager, lab.batch(9, 2), List.of())) {
        NDArray base = layer.forward(x, pass, Tape.off());
        NDArray update = x.matMul(a.transpose()).matMul(b.transpose()).mul(1.5);

        LayerLab.assertClose(first, base.add(update).toFloatArray(), 1e-5);
      }
    }
  }

  private static float[] mask(LayerLab lab, int n, int width, double p, long seed) {
    try (NDArray like = lab.manager.zeros(new Shape(n, width));
        NDArray mask = Kernels.get().one(lab.manager, "dropout_mask", like, p, seed)) {
      return mask.toFloatArray();
    }
  }

  private static double dropped(float[] mask) {
    int count = 0;
    for (float value : mask) {
      count += value == 0 ? 1 : 0;
    }
    return (double) count / mask.length;
  }

  private static double agreement(float[] one, float[] other, int distance) {
    int same = 0;
    for (int i = distance; i < one.length; i++) {
      same += one[i] == other[i - distance] ? 1 : 0;
    }
    return (double) same / (one.length - distance);
  }
}
