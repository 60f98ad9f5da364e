package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A head that adds a bias to the logits: the base's, or one that an adapter brings and trains. */
final class BiasedHeadTest {

  private static final int D = 4;
  private static final double SCALE = 0.25;
  private static final List<int[]> ROWS =
      List.of(new int[] {3, 1, 4, 1, 5}, new int[] {9}, new int[] {2, 6, 5, 3});

  private final LayerLab lab = new LayerLab(1);
  private final TokenBatch batch = TokenBatch.of(ROWS, ROWS);
  private final NDArray x = lab.normal(10, D);

  /** One block of the vocabulary, and three. */
  @ParameterizedTest
  @CsvSource({"11, 2, 0", "11, 100, 0", "5001, 3, 0", "11, 2, 1.5"})
  void lossAndGradientEqualAutograd(int words, int chunk, double cap) {
    try (lab) {
      NDArray table = lab.normal(words, D);
      NDArray bias = lab.normal(words);
      double expectedLoss = plain(x, table, bias, cap).toFloatArray()[0];
      NDArray one = lab.manager.create(1f);
      List<float[]> expected = lab.autograd(one, () -> plain(x, table, bias, cap), x);

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        LossHead.Result result =
            head(table, bias).capped(cap).inChunks(chunk).loss(x, pass, SCALE, true);

        assertThat(result.loss()).isCloseTo(expectedLoss, within(1e-4));
        LayerLab.assertClose(result.gradient().toFloatArray(), expected.get(0), 1e-4);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {11, 5_001})
  void anOwnBiasIsTrainedBesideAPair(int words) {
    try (lab) {
      NDArray table = lab.normal(words, D);
      AdapterWeights adapter =
          lab.adapter(true, Map.of("lm_head.bias", words), lab.pair("lm_head", D, words, 2, 0));
      List<NDArray> leaves = new ArrayList<>(List.of(x));
      adapter.names().forEach(name -> leaves.add(lab.copyOf(adapter, name))); // A, B, bias
      NDArray one = lab.manager.create(1f);
      List<float[]> expected =
          lab.autograd(one, () -> adapted(table, leaves), leaves.toArray(new NDArray[0]));

      try (Pass pass = Pass.training(lab.manager, batch, adapter, 1)) {
        LossHead head = head(table, lab.normal(words)).inChunks(3);
        float[] dx = head.loss(x, pass, SCALE, true).gradient().toFloatArray();

        LayerLab.assertClose(dx, expected.get(0), 1e-4);
        for (int i = 0; i < adapter.names().size(); i++) {
          String name = adapter.names().get(i);
          LayerLab.assertClose(
              LayerLab.data(adapter.readGradients(), name).values(), expected.get(i + 1), 1e-4);
        }
      }
    }
  }

  private NDArray adapted(NDArray table, List<NDArray> leaves) {
    NDArray matrix = table.add(leaves.get(2).matMul(leaves.get(1)).mul(1.5));
    return plain(leaves.get(0), matrix, leaves.get(3), 0);
  }

  @Test
  void gradientsEqualCentralDifferences() {
    try (lab) {
      NDArray table = lab.normal(11, D);
      NDArray bias = lab.normal(11);
      LossHead head = head(table, bias).inChunks(2);

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

  @Test
  void rowsSeeTheBiasOfTheirOwnAdapter() {
    try (lab) {
      NDArray table = lab.normal(11, D);
      NDArray bias = lab.normal(11);
      AdapterWeights adapter = lab.adapter(false, Map.of("lm_head.bias", 11));
      float[] base = logits(table, bias).toFloatArray();
      float[] own = logits(table, lab.copyOf(adapter, "lm_head.bias")).toFloatArray();
      List<AdapterSegment> segments = List.of(new AdapterSegment(adapter, 2, 1));

      try (Pass pass = Pass.inference(lab.manager, batch, segments)) {
        float[] all = head(table, bias).logits(x, pass, false).toFloatArray();
        float[] last = head(table, bias).logits(x, pass, true).toFloatArray();

        LayerLab.assertClose(LayerLab.rows(all, 11, 0, 6), LayerLab.rows(base, 11, 0, 6), 1e-5);
        LayerLab.assertClose(LayerLab.rows(all, 11, 6, 4), LayerLab.rows(own, 11, 6, 4), 1e-5);
        LayerLab.assertClose(LayerLab.rows(last, 11, 1, 1), LayerLab.rows(base, 11, 5, 1), 1e-5);
        LayerLab.assertClose(LayerLab.rows(last, 11, 2, 1), LayerLab.rows(own, 11, 9, 1), 1e-5);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "FP16"})
  void halfPrecisionStaysNearFp32(ScalarType type) {
    try (lab) {
      NDArray table = lab.normal(5_001, D);
      NDArray bias = lab.normal(5_001);
      LossHead full = head(table, bias);
      LossHead half = head(FrozenMatrix.of(lab.as(type, table)), bias);

      try (Pass pass = Pass.inference(lab.manager, batch, List.of())) {
        LossHead.Result expected = full.loss(x, pass, SCALE, true);
        LossHead.Result actual = half.loss(lab.as(type, x), pass, SCALE, true);

        assertThat(actual.loss()).isCloseTo(expected.loss(), within(2e-2 * expected.loss()));
        LayerLab.assertClose(
            lab.floats(actual.gradient()), expected.gradient().toFloatArray(), 3e-2);
      }
    }
  }

  @Test
  void passesLeaveNoArrays() {
    try (lab) {
      LossHead head = head(lab.normal(11, D), lab.normal(11));

      lab.assertNoLeak(
          batch,
          lab.adapter(true, Map.of("lm_head.bias", 11)),
          pass -> {
            head.loss(x, pass, SCALE, true);
            head.logits(x, pass, true);
          });
    }
  }

  private static LossHead head(NDArray table, NDArray bias) {
    return head(FrozenMatrix.of(table), bias);
  }

  private static LossHead head(FrozenMatrix table, NDArray bias) {
    return new LossHead(null, table, "lm_head", null).biased(bias);
  }

  private NDArray logits(NDArray table, NDArray bias) {
    return x.matMul(table.transpose()).add(bias); // (N, V)
  }

  /** Every token predicts the next of its row. */
  private NDArray plain(NDArray states, NDArray table, NDArray bias, double cap) {
    NDArray logits = states.matMul(table.transpose()).add(bias); // (N, V)
    NDArray capped = cap == 0 ? logits : logits.div(cap).tanh().mul(cap);
    int words = Math.toIntExact(bias.getShape().get(0));
    float[] chosen = new float[10 * words];
    int start = 0;
    for (int[] row : ROWS) {
      for (int t = 1; t < row.length; t++) {
        chosen[(start + t - 1) * words + row[t]] = (float) -SCALE;
      }
      start += row.length;
    }
    return capped.logSoftmax(-1).mul(lab.manager.create(chosen, logits.getShape())).sum();
  }
}
