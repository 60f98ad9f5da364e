package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class AlibiAttentionTest {

  private static final int HEADS = 3;
  private static final int WIDTH = 4;
  private static final int D = HEADS * WIDTH;

  @ParameterizedTest
  @ValueSource(ints = {1, 8, 12, 14, 16, 112})
  void slopesAreTwoGeometricSequences(int heads) {
    int power = 1;
    while (2 * power <= heads) {
      power *= 2;
    }
    try (LayerLab lab = new LayerLab(0)) {
      float[] slopes = AlibiAttention.slopes(lab.manager, heads).toFloatArray();

      assertThat(slopes).hasSize(heads);
      for (int head = 0; head < heads; head++) {
        double exponent =
            head < power ? -8.0 * (head + 1) / power : -4.0 * (2 * (head - power) + 1) / power;
        double expected = Math.pow(2, exponent);
        assertThat((double) slopes[head])
            .as("slope of head %d of %d", head, heads)
            .isCloseTo(expected, within(1e-5 * expected));
      }
    }
  }

  @Test
  void slopesOfTwelveHeadsAreThoseOfThePaper() {
    double[] exponents = {1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5};
    try (LayerLab lab = new LayerLab(0)) {
      float[] slopes = AlibiAttention.slopes(lab.manager, 12).toFloatArray();

      for (int head = 0; head < 12; head++) {
        double expected = Math.pow(0.5, exponents[head]);
        assertThat((double) slopes[head]).isCloseTo(expected, within(1e-6));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void forwardAndBackwardEqualAutograd(boolean fused) {
    int[] lengths = {5, 1, 7};
    try (LayerLab lab = new LayerLab(1)) {
      NDArray qkv = lab.normal(13, 3 * D);
      NDArray dy = lab.normal(13, D);
      NDArray slopes = AlibiAttention.slopes(lab.manager, HEADS);
      NDArray plain = plain(qkv, slopes, lengths);
      List<float[]> expected = lab.autograd(dy, () -> plain(qkv, slopes, lengths), qkv);

      float[][] actual = bothWays(lab, qkv, dy, slopes, lengths, fused);

      LayerLab.assertClose(actual[0], plain.toFloatArray(), 1e-5);
      LayerLab.assertClose(actual[1], expected.get(0), 1e-5);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void backwardEqualsCentralDifferences(boolean fused) {
    try (LayerLab lab = new LayerLab(2)) {
      NDArray qkv = lab.normal(3, 3 * D);
      NDArray dy = lab.normal(3, D);
      NDArray slopes = AlibiAttention.slopes(lab.manager, HEADS);
      AlibiAttention layer = new AlibiAttention(0, slopes, fused);
      float[] actual = bothWays(lab, qkv, dy, slopes, new int[] {3}, fused)[1];

      try (Pass pass = Pass.inference(lab.manager, lab.batch(9, 3), List.of())) {
        float[] expected =
            LayerLab.differences(
                qkv, dy.toFloatArray(), () -> layer.forward(qkv, pass, Tape.off()).toFloatArray());

        LayerLab.assertClose(actual, expected, 5e-3);
      }
    }
  }

  @Test
  void longSequencesWithManyHeadsStayExact() {
    int[] lengths = {300, 41};
    try (LayerLab lab = new LayerLab(3)) {
      NDArray qkv = lab.normal(341, 3L * 12 * 8);
      NDArray dy = lab.normal(341, 12 * 8);
      NDArray slopes = AlibiAttention.slopes(lab.manager, 12);

      float[][] fused = bothWays(lab, qkv, dy, slopes, lengths, true);
      float[][] plain = bothWays(lab, qkv, dy, slopes, lengths, false);

      LayerLab.assertClose(fused[0], plain[0], 1e-4);
      LayerLab.assertClose(fused[1], plain[1], 1e-4);
    }
  }

  @ParameterizedTest
  @CsvSource({"BF16, true", "BF16, false", "FP16, true", "FP16, false"})
  void halfPrecisionStaysNearFp32(ScalarType type, boolean fused) {
    int[] lengths = {4, 3};
    try (LayerLab lab = new LayerLab(4)) {
      NDArray qkv = lab.as(type, lab.normal(7, 3 * D));
      NDArray dy = lab.as(type, lab.normal(7, D));
      NDArray slopes = AlibiAttention.slopes(lab.manager, HEADS);

      float[][] half = bothWays(lab, qkv, dy, slopes, lengths, fused);
      float[][] full =
          bothWays(
              lab,
              lab.as(ScalarType.FP32, qkv),
              lab.as(ScalarType.FP32, dy),
              slopes,
              lengths,
              fused);

      LayerLab.assertClose(half[0], full[0], 2e-2);
      LayerLab.assertClose(half[1], full[1], 3e-2);
    }
  }

  private static float[][] bothWays(
      LayerLab lab, NDArray qkv, NDArray dy, NDArray slopes, int[] lengths, boolean fused) {
    AlibiAttention layer = new AlibiAttention(0, slopes, fused);
    try (Pass pass = Pass.inference(lab.manager, lab.batch(9, lengths), List.of());
        Tape tape = Tape.recording(pass.manager())) {
      NDArray y = layer.forward(LayerLab.lend(qkv, pass), pass, tape);
      float[] output = lab.floats(y);
      return new float[][] {output, lab.floats(layer.backward(dy, pass, tape))};
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void decodingTokenByTokenEqualsTheWholeSequence(boolean fused) {
    int[] prompts = {2, 4, 1};
    try (LayerLab lab = new LayerLab(5);
        KeyValueCache cache =
            new KeyValueCache(lab.manager, ScalarType.FP32, 1, 3, HEADS, WIDTH, 9)) {
      NDArray slopes = AlibiAttention.slopes(lab.manager, HEADS);
      AlibiAttention layer = new AlibiAttention(0, slopes, fused);
      List<NDArray> rows =
          List.of(lab.normal(6, 3 * D), lab.normal(8, 3 * D), lab.normal(5, 3 * D));
      List<float[]> whole =
          rows.stream()
              .map(row -> plain(row, slopes, (int) row.getShape().get(0)))
              .map(lab::floats)
              .toList();
      List<NDArray> first = new ArrayList<>();
      for (int row = 0; row < 3; row++) {
        first.add(rows.get(row).get("0:" + prompts[row]));
      }

      step(lab, layer, cache, LayerLab.join(first), prompts);
      for (int added = 0; added < 4; added++) {
        List<NDArray> next = new ArrayList<>();
        for (int row = 0; row < 3; row++) {
          int at = prompts[row] + added;
          next.add(rows.get(row).get(at + ":" + (at + 1)));
        }
        float[] y = step(lab, layer, cache, LayerLab.join(next), 1, 1, 1);
        for (int row = 0; row < 3; row++) {
          LayerLab.assertClose(
              LayerLab.rows(y, D, row, 1),
              LayerLab.rows(whole.get(row), D, prompts[row] + added, 1),
              1e-5);
        }
      }
      assertThat(cache.lengths()).containsExactly(6, 8, 5);
    }
  }

  private static float[] step(
      LayerLab lab, AlibiAttention layer, KeyValueCache cache, NDArray qkv, int... lengths) {
    TokenBatch batch = lab.batch(9, lengths);
    try (Pass pass = Pass.cached(lab.manager, batch, List.of(), cache)) {
      float[] y = layer.forward(qkv, pass, Tape.off()).toFloatArray();
      cache.advance(lengths);
      return y;
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void passesLeaveNoArrays(boolean fused) {
    try (LayerLab lab = new LayerLab(6)) {
      AlibiAttention layer =
          new AlibiAttention(0, AlibiAttention.slopes(lab.manager, HEADS), fused);
      NDArray qkv = lab.normal(5, 3 * D);
      NDArray dy = lab.normal(5, D);

      lab.assertNoLeak(
          lab.batch(9, 2, 3),
          lab.adapter(true, lab.pair("elsewhere", 2, 2, 1, 0)),
          pass -> {
            try (Tape tape = Tape.recording(pass.manager())) {
              layer.forward(LayerLab.lend(qkv, pass), pass, tape);
              layer.backward(dy, pass, tape);
            }
          });
    }
  }

  /** The definition: one sequence at a time, bias slope * (j - i), everything after i hidden. */
  private static NDArray plain(NDArray qkv, NDArray slopes, int... lengths) {
    long heads = slopes.size();
    long width = qkv.getShape().get(1) / (3 * heads);
    NDList parts = new NDList();
    int start = 0;
    for (int length : lengths) {
      NDArray z =
          qkv.get(start + ":" + (start + length))
              .reshape(length, heads, 3, width)
              .transpose(2, 1, 0, 3); // (3, H, T, D/H)
      NDArray scores =
          z.get(0)
              .matMul(z.get(1).transpose(0, 2, 1))
              .mul(1 / Math.sqrt((double) width))
              .add(bias(slopes, length)); // (H, T, T)
      NDArray heard = scores.softmax(-1).matMul(z.get(2)); // (H, T, D/H)
      parts.add(heard.transpose(1, 0, 2).reshape(length, heads * width)); // (T, D)
      start += length;
    }
    return LayerLab.join(parts);
  }

  private static NDArray bias(NDArray slopes, int length) {
    float[] slope = slopes.toFloatArray();
    float[] bias = new float[slope.length * length * length];
    int at = 0;
    for (float s : slope) {
      for (int i = 0; i < length; i++) {
        for (int j = 0; j < length; j++) {
          bias[at++] = j > i ? -1e30f : s * (j - i);
        }
      }
    }
    return slopes.getManager().create(bias, new Shape(slope.length, length, length));
  }
}
