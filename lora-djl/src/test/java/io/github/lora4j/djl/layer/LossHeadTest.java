package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.Siblings;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class LossHeadTest {

  private static final int D = 4;
  private static final int V = 11;
  private static final double SCALE = 0.25;
  private static final List<int[]> ROWS =
      List.of(new int[] {3, 1, 4, 1, 5}, new int[] {9}, new int[] {2, 6, 5, 3});
  private static final List<int[]> LABELS =
      List.of(new int[] {3, -100, 4, 1, -100}, new int[] {9}, new int[] {2, 6, -100, 3});

  private final LayerLab lab = new LayerLab(1);
  private final NDArray scale = lab.normal(D);
  private final NDArray bias = lab.normal(D);
  private final NDArray weight = lab.normal(V, D);
  private final TokenBatch batch = TokenBatch.of(ROWS, LABELS);

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 100})
  void lossAndGradientEqualAutogradWhateverTheChunk(int chunk) {
    try (lab) {
      NDArray x = lab.normal(10, D);
      AdapterWeights adapter = lab.adapter(true, Map.of("ln_f.bias", D));
      NDArray own = lab.copyOf(adapter, "ln_f.bias");
      double expectedLoss = plain(x, own).toFloatArray()[0];
      NDArray one = lab.manager.create(1f);
      List<float[]> expected = lab.autograd(one, () -> plain(x, own), x, own);

      try (Pass pass = Pass.training(lab.manager, batch, adapter, 1)) {
        LossHead.Result result = head(chunk, ScalarType.FP32).loss(x, pass, SCALE, true);

        assertThat(result.loss()).isCloseTo(expectedLoss, within(1e-5));
        LayerLab.assertClose(result.gradient().toFloatArray(), expected.get(0), 1e-5);
        float[] gradient = LayerLab.data(adapter.readGradients(), "ln_f.bias").values();
        LayerLab.assertClose(gradient, expected.get(1), 1e-5);
      }
    }
  }

  @Test
  void gradientEqualsCentralDifferences() {
    try (lab) {
      NDArray x = lab.normal(10, D);
      LossHead head = head(2, ScalarType.FP32);

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        float[] gradient = head.loss(x, pass, SCALE, true).gradient().toFloatArray();

        float[] expected =
            LayerLab.differences(
                x,
                new float[] {1},
                () -> new float[] {(float) head.loss(x, pass, SCALE, false).loss()});
        LayerLab.assertClose(gradient, expected, 5e-3);
      }
    }
  }

  /** Three blocks, the last of them not whole, and targets at their borders. */
  @ParameterizedTest
  @ValueSource(ints = {3, 100})
  void aVocabularyOfManyBlocksEqualsAutograd(int chunk) {
    try (lab) {
      NDArray x = lab.normal(10, D);
      NDArray table = lab.normal(5_001, D);
      List<int[]> labels =
          List.of(
              new int[] {3, -100, 0, 2047, -100}, new int[] {9}, new int[] {2, 2048, -100, 5_000});
      double expectedLoss = plain(x, bias, table, labels).toFloatArray()[0];
      NDArray one = lab.manager.create(1f);
      List<float[]> expected = lab.autograd(one, () -> plain(x, bias, table, labels), x);

      try (Pass pass = Pass.inference(lab.manager, TokenBatch.of(ROWS, labels), List.of())) {
        LossHead head = head(FrozenMatrix.of(table), chunk);
        LossHead.Result result = head.loss(x, pass, SCALE, true);

        assertThat(result.loss()).isCloseTo(expectedLoss, within(1e-4));
        LayerLab.assertClose(result.gradient().toFloatArray(), expected.get(0), 1e-4);
      }
    }
  }

  @Test
  void rowsWithoutALabelGetNoGradient() {
    try (lab) {
      NDArray x = lab.normal(10, D);

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        float[] gradient =
            head(2, ScalarType.FP32).loss(x, pass, SCALE, true).gradient().toFloatArray();

        // labels -100, the only token of a row, and the last token of each row
        for (int row : new int[] {0, 3, 4, 5, 7, 9}) {
          assertThat(LayerLab.rows(gradient, D, row, 1)).containsOnly(0);
        }
        for (int row : new int[] {1, 2, 6, 8}) {
          assertThat(LayerLab.rows(gradient, D, row, 1)).doesNotContain(0);
        }
      }
    }
  }

  @Test
  void batchWithoutLabelsHasNoLossAndNoGradient() {
    try (lab) {
      NDArray x = lab.normal(10, D);
      TokenBatch unlabelled = TokenBatch.of(ROWS.toArray(new int[0][]));

      try (Pass pass = Pass.inference(lab.manager, unlabelled, List.of())) {
        LossHead.Result result = head(2, ScalarType.FP32).loss(x, pass, SCALE, true);

        assertThat(result.loss()).isZero();
        assertThat(result.gradient().getShape()).isEqualTo(x.getShape());
        assertThat(result.gradient().toFloatArray()).containsOnly(0);
        assertThat(head(2, ScalarType.FP32).loss(x, pass, SCALE, false).loss()).isZero();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 100})
  void sharedRowsCountOnceForEverySequence(int chunk) {
    try (lab) {
      // one goes on like another, one otherwise, and one has no labels
      List<int[]> rows = Siblings.rows(3, V, new int[] {18, 2, 2, 3}, new int[] {0, 4});
      rows.add(rows.get(1));
      List<int[]> labels = new ArrayList<>(rows);
      labels.set(0, new int[20]);
      Arrays.fill(labels.get(0), TokenBatch.IGNORE);
      TokenBatch whole = TokenBatch.of(rows, labels);
      TokenBatch shared = whole.shared();
      int[] places = shared.pieces().places();
      NDArray x = lab.normal(shared.size(), D);
      LossHead head = head(chunk, ScalarType.FP32);

      try (Pass apart = Pass.inference(lab.manager, whole, List.of());
          Pass together = Pass.inference(lab.manager, shared, List.of())) {
        NDArray every = LayerLab.gathered(x, places);
        LossHead.Result expected = head.loss(every, apart, SCALE, true);
        LossHead.Result actual = head.loss(x, together, SCALE, true);

        assertThat(actual.loss()).isCloseTo(expected.loss(), withinPercentage(1e-5));
        NDArray sums = LayerLab.summed(expected.gradient(), places, shared.size());
        LayerLab.assertClose(actual.gradient().toFloatArray(), sums.toFloatArray(), 1e-6);
        float[] last = head.logits(x, together, true).toFloatArray();
        LayerLab.assertClose(last, head.logits(every, apart, true).toFloatArray(), 1e-6);
      }
    }
  }

  @Test
  void hugeScoresGiveAFiniteLoss() {
    try (lab) {
      NDArray large = weight.mul(1e4);
      NDArray x = lab.normal(10, D);

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        LossHead head = head(FrozenMatrix.of(large), 2);
        LossHead.Result result = head.loss(x, pass, SCALE, true);

        assertThat(result.loss()).isFinite().isGreaterThan(100);
        for (float value : result.gradient().toFloatArray()) {
          assertThat(value).isFinite();
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "FP16"})
  void halfPrecisionStaysNearFp32AndGivesFp32Logits(ScalarType type) {
    try (lab) {
      NDArray half = lab.as(type, lab.normal(10, D));
      NDArray x = lab.as(ScalarType.FP32, half);

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        LossHead.Result full = head(3, type).loss(x, pass, SCALE, true);
        LossHead.Result result = head(3, type).loss(half, pass, SCALE, true);
        float[] logits = head(3, type).logits(x, pass, false).toFloatArray();
        float[] halfLogits = head(3, type).logits(half, pass, false).toFloatArray();

        assertThat(result.loss()).isCloseTo(full.loss(), within(2e-2 * full.loss()));
        LayerLab.assertClose(lab.floats(result.gradient()), full.gradient().toFloatArray(), 3e-2);
        LayerLab.assertClose(halfLogits, logits, 2e-2);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "BF16"})
  void int8TableEqualsItsDequantisedOne(ScalarType type) {
    try (lab) {
      NDArray x = lab.as(type, lab.normal(10, D));
      FrozenMatrix int8 = lab.int8(lab.normal(5_001, D));
      FrozenMatrix dense = FrozenMatrix.of(lab.as(type, int8.dequantised(lab.manager)));

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        LossHead.Result actual = head(int8, 3).loss(x, pass, SCALE, true);
        LossHead.Result expected = head(dense, 3).loss(x, pass, SCALE, true);

        assertThat(actual.loss()).isCloseTo(expected.loss(), within(1e-5 * expected.loss()));
        LayerLab.assertClose(lab.floats(actual.gradient()), lab.floats(expected.gradient()), 1e-5);
        LayerLab.assertClose(
            head(int8, 3).logits(x, pass, false).toFloatArray(),
            head(dense, 3).logits(x, pass, false).toFloatArray(),
            1e-5);
      }
    }
  }

  /** exp of a difference of 30 exceeds fp16: such rows only stay finite if they are shifted. */
  @ParameterizedTest
  @EnumSource(names = {"FP32", "BF16", "FP16"})
  void scoresFarAboveThatOfTheTargetStayFinite(ScalarType type) {
    try (lab) {
      NDArray x = lab.normal(10, D);
      NDArray table = weight.mul(30);

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        LossHead head = head(FrozenMatrix.of(lab.as(type, table)), 2);
        LossHead full = head(FrozenMatrix.of(table), 2);
        LossHead.Result result = head.loss(lab.as(type, x), pass, SCALE, true);
        LossHead.Result expected = full.loss(x, pass, SCALE, true);

        assertThat(result.loss()).isCloseTo(expected.loss(), within(2e-2 * expected.loss()));
        LayerLab.assertClose(
            lab.floats(result.gradient()), expected.gradient().toFloatArray(), 6e-2);
      }
    }
  }

  @Test
  void lastLogitsAreThoseOfTheLastTokens() {
    try (lab) {
      NDArray x = lab.normal(10, D);

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        float[] all = head(2, ScalarType.FP32).logits(x, pass, false).toFloatArray();
        float[] last = head(2, ScalarType.FP32).logits(x, pass, true).toFloatArray();

        assertThat(last).hasSize(3 * V);
        int[] ends = {4, 5, 9};
        for (int row = 0; row < 3; row++) {
          LayerLab.assertClose(
              LayerLab.rows(last, V, row, 1), LayerLab.rows(all, V, ends[row], 1), 1e-5);
        }
      }
    }
  }

  @Test
  void passesLeaveNoArrays() {
    try (lab) {
      NDArray x = lab.normal(10, D);
      AdapterWeights adapter = lab.adapter(true, Map.of("ln_f.bias", D));
      LossHead head = head(2, ScalarType.FP32);

      lab.assertNoLeak(
          batch,
          adapter,
          pass -> {
            head.loss(x, pass, SCALE, true);
            head.loss(x, pass, SCALE, false);
            head.logits(x, pass, true);
          });
    }
  }

  private LossHead head(int chunk, ScalarType type) {
    return head(FrozenMatrix.of(lab.as(type, weight)), chunk);
  }

  private LossHead head(FrozenMatrix matrix, int chunk) {
    return new LossHead(norm(), matrix, "lm_head", null).inChunks(chunk);
  }

  private Norm norm() {
    return new Norm("ln_f", scale, bias, 1e-5);
  }

  /** Mean of nothing, no chunks: the definition. */
  private NDArray plain(NDArray x, NDArray normBias) {
    return plain(x, normBias, weight, LABELS);
  }

  private NDArray plain(NDArray x, NDArray normBias, NDArray table, List<int[]> allLabels) {
    int vocabulary = Math.toIntExact(table.getShape().get(0));
    NDArray logits = NormTest.plain(x, scale, normBias).matMul(table.transpose()); // (N, V)
    NDArray logProbabilities = logits.logSoftmax(-1);
    float[] chosen = new float[10 * vocabulary];
    int start = 0;
    for (int row = 0; row < ROWS.size(); row++) {
      int[] labels = allLabels.get(row);
      for (int t = 1; t < labels.length; t++) {
        if (labels[t] >= 0) {
          chosen[(start + t - 1) * vocabulary + labels[t]] = (float) -SCALE;
        }
      }
      start += labels.length;
    }
    assertThat(Arrays.equals(chosen, new float[10 * vocabulary])).isFalse();
    return logProbabilities.mul(lab.manager.create(chosen, logits.getShape())).sum();
  }
}
