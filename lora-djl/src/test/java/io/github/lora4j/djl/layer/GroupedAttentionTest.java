package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class GroupedAttentionTest {

  private static final int[] LENGTHS = {9, 1, 6};
  private static final int TOKENS = 16;
  private static final int WIDTH = 4;

  /** Heads, groups, window, cap, ALiBi, fused. */
  @ParameterizedTest
  @CsvSource({
    "2, 1, 0, 0, false, true",
    "2, 1, 0, 0, false, false",
    "2, 3, 0, 0, false, true",
    "1, 4, 0, 0, false, true",
    "2, 3, 0, 0, true, true",
    "2, 2, 4, 0, false, true",
    "2, 2, 4, 0, false, false",
    "2, 2, 2, 0, false, true",
    "2, 2, 3, 0, true, true",
    "2, 2, 0, 1.5, false, true",
    "2, 2, 4, 1.5, false, true",
  })
  void forwardAndBackwardEqualAutograd(
      int heads, int groups, int window, double cap, boolean alibi, boolean fused) {
    try (LayerLab lab = new LayerLab(1)) {
      GroupedAttention.Form form = new GroupedAttention.Form(heads, groups, 0.4, window, cap);
      NDArray q = lab.normal(TOKENS, (long) heads * groups * WIDTH);
      NDArray k = lab.normal(TOKENS, (long) heads * WIDTH);
      NDArray v = lab.normal(TOKENS, (long) heads * WIDTH);
      NDArray dy = lab.normal(TOKENS, (long) heads * groups * WIDTH);
      NDArray slopes = alibi ? AlibiAttention.slopes(lab.manager, heads * groups) : null;
      NDArray plain = plain(q, k, v, slopes, form);
      List<float[]> expected = lab.autograd(dy, () -> plain(q, k, v, slopes, form), q, k, v);
      GroupedAttention layer = new GroupedAttention(0, form, null, withFactor(slopes), fused);

      List<float[]> actual = bothWays(lab, layer, batch(), q, k, v, dy);

      LayerLab.assertClose(actual.get(0), plain.toFloatArray(), 1e-5);
      for (int i = 0; i < expected.size(); i++) {
        LayerLab.assertClose(actual.get(i + 1), expected.get(i), 2e-5);
      }
    }
  }

  /** Window, cap, ALiBi, fused. */
  @ParameterizedTest
  @CsvSource({
    "BF16, 0, 0, false, true",
    "BF16, 4, 0, false, true",
    "BF16, 0, 1.5, false, true",
    "BF16, 0, 0, true, false",
    "FP16, 0, 0, false, true",
    "FP16, 4, 1.5, false, false",
  })
  void halfPrecisionStaysNearAutograd(
      ScalarType type, int window, double cap, boolean alibi, boolean fused) {
    try (LayerLab lab = new LayerLab(5)) {
      GroupedAttention.Form form = new GroupedAttention.Form(2, 2, 0.4, window, cap);
      NDArray[] in = new NDArray[4]; // q, k, v, dy
      for (int i = 0; i < in.length; i++) {
        int heads = i == 0 || i == 3 ? 4 : 2;
        in[i] = lab.rounded(type, lab.normal(TOKENS, (long) heads * WIDTH));
      }
      NDArray slopes = alibi ? AlibiAttention.slopes(lab.manager, 4) : null;
      NDArray plain = plain(in[0], in[1], in[2], slopes, form);
      List<float[]> expected =
          lab.autograd(in[3], () -> plain(in[0], in[1], in[2], slopes, form), in[0], in[1], in[2]);
      GroupedAttention layer = new GroupedAttention(0, form, null, withFactor(slopes), fused);
      NDArray[] half = Arrays.stream(in).map(x -> lab.as(type, x)).toArray(NDArray[]::new);

      List<float[]> actual = bothWays(lab, layer, batch(), half[0], half[1], half[2], half[3]);

      LayerLab.assertClose(actual.get(0), plain.toFloatArray(), 2e-2);
      for (int i = 0; i < expected.size(); i++) {
        LayerLab.assertClose(actual.get(i + 1), expected.get(i), 3e-2);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "3, 0", "0, 1.5"})
  void backwardEqualsCentralDifferences(int window, double cap) {
    try (LayerLab lab = new LayerLab(2)) {
      GroupedAttention.Form form = new GroupedAttention.Form(1, 2, 0.5, window, cap);
      TokenBatch batch = TokenBatch.of(new int[5]);
      NDArray q = lab.normal(5, 2 * WIDTH);
      NDArray k = lab.normal(5, WIDTH);
      NDArray v = lab.normal(5, WIDTH);
      NDArray dy = lab.normal(5, 2 * WIDTH);
      GroupedAttention layer = new GroupedAttention(0, form, rotary(false), null, true);

      List<float[]> actual = bothWays(lab, layer, batch, q, k, v, dy);

      List<NDArray> inputs = List.of(q, k, v);
      for (int i = 0; i < inputs.size(); i++) {
        float[] expected =
            LayerLab.differences(
                inputs.get(i),
                dy.toFloatArray(),
                () -> bothWays(lab, layer, batch, q, k, v, dy).get(0));
        LayerLab.assertClose(actual.get(i + 1), expected, 1e-3);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"0, false", "0, true", "3, false", "7, false", "24, false"})
  void sharedPrefixesGiveWhatWholeSequencesGive(int window, boolean interleaved) {
    int[] prefix = new int[SharedPrefixes.SHORTEST + 1];
    Arrays.setAll(prefix, i -> i + 1);
    TokenBatch whole =
        TokenBatch.of(with(prefix, 50, 51, 52), with(prefix, 60), with(prefix, 70, 71));
    TokenBatch shared = whole.shared();
    int[] places = shared.pieces().places();
    try (LayerLab lab = new LayerLab(3)) {
      GroupedAttention.Form form = new GroupedAttention.Form(2, 2, 0.5, window, 0);
      GroupedAttention layer = new GroupedAttention(0, form, rotary(interleaved), null, true);
      NDArray q = lab.normal(shared.size(), 4 * WIDTH);
      NDArray k = lab.normal(shared.size(), 2 * WIDTH);
      NDArray v = lab.normal(shared.size(), 2 * WIDTH);
      NDArray dy = lab.normal(whole.size(), 4 * WIDTH);
      NDArray summed = LayerLab.summed(dy, places, shared.size());

      List<float[]> expected =
          bothWays(
              lab,
              layer,
              whole,
              LayerLab.gathered(q, places),
              LayerLab.gathered(k, places),
              LayerLab.gathered(v, places),
              dy);
      List<float[]> actual = bothWays(lab, layer, shared, q, k, v, summed);

      assertThat(shared.isShared()).isTrue();
      NDArray out = lab.manager.create(actual.get(0), new Shape(shared.size(), 4 * WIDTH));
      LayerLab.assertClose(LayerLab.gathered(out, places).toFloatArray(), expected.get(0), 1e-5);
      int[] widths = {4 * WIDTH, 2 * WIDTH, 2 * WIDTH};
      for (int i = 0; i < widths.length; i++) {
        NDArray gradient =
            lab.manager.create(expected.get(i + 1), new Shape(whole.size(), widths[i]));
        LayerLab.assertClose(
            actual.get(i + 1),
            LayerLab.summed(gradient, places, shared.size()).toFloatArray(),
            2e-5);
      }
    }
  }

  @Test
  void nothingLeaks() {
    try (LayerLab lab = new LayerLab(4)) {
      GroupedAttention.Form form = new GroupedAttention.Form(1, 2, 0.5, 4, 0);
      GroupedAttention layer = new GroupedAttention(0, form, rotary(false), null, true);
      NDArray q = lab.normal(TOKENS, 2 * WIDTH);
      NDArray k = lab.normal(TOKENS, WIDTH);
      AdapterWeights adapter = lab.adapter(true, lab.pair("p", 2, 2, 1, 0));

      lab.assertNoLeak(
          batch(),
          adapter,
          pass -> {
            try (Tape tape = Tape.recording(pass.manager())) {
              NDArray y =
                  layer.forward(
                      LayerLab.lend(q, pass),
                      LayerLab.lend(k, pass),
                      LayerLab.lend(k, pass),
                      pass,
                      tape);
              layer.backward(LayerLab.lend(q, pass), pass, tape);
              y.close();
            }
          });
    }
  }

  static NDArray @Nullable [] withFactor(@Nullable NDArray slopes) {
    return slopes == null
        ? null
        : new NDArray[] {slopes, slopes.getManager().create(new float[] {1})};
  }

  static Rotary rotary(boolean interleaved) {
    return new Rotary(RotaryFrequencies.plain(10000, WIDTH), interleaved);
  }

  static TokenBatch batch() {
    return TokenBatch.of(Arrays.stream(LENGTHS).mapToObj(int[]::new).toArray(int[][]::new));
  }

  private static int[] with(int[] prefix, int... rest) {
    int[] all = Arrays.copyOf(prefix, prefix.length + rest.length);
    System.arraycopy(rest, 0, all, prefix.length, rest.length);
    return all;
  }

  /** Output and gradients of q, k, v. */
  static List<float[]> bothWays(
      LayerLab lab,
      GroupedAttention layer,
      TokenBatch batch,
      NDArray q,
      NDArray k,
      NDArray v,
      NDArray dy) {
    List<float[]> results = new ArrayList<>();
    try (Pass pass = Pass.inference(lab.manager, batch, List.of());
        Tape tape = Tape.recording(pass.manager())) {
      NDArray y =
          layer.forward(
              LayerLab.lend(q, pass), LayerLab.lend(k, pass), LayerLab.lend(v, pass), pass, tape);
      results.add(lab.floats(y));
      for (NDArray gradient : layer.backward(dy, pass, tape)) {
        results.add(lab.floats(gradient));
      }
    }
    return results;
  }

  /** Sequence by sequence and head by head, by plain operators. */
  private static NDArray plain(
      NDArray q, NDArray k, NDArray v, @Nullable NDArray slopes, GroupedAttention.Form form) {
    List<NDArray> rows = new ArrayList<>();
    int start = 0;
    for (int length : LENGTHS) {
      String range = start + ":" + (start + length);
      NDArray own = mask(q, length, form.window());
      NDList heads = new NDList();
      for (int head = 0; head < form.heads() * form.groups(); head++) {
        NDArray scores =
            columns(q, range, head)
                .matMul(columns(k, range, head / form.groups()).transpose())
                .mul(form.scale());
        if (form.softCap() > 0) {
          scores = scores.div(form.softCap()).tanh().mul(form.softCap());
        }
        scores = scores.add(own);
        if (slopes != null) {
          float slope = slopes.toFloatArray()[head];
          scores = scores.add(q.getManager().arange((float) length).mul(slope));
        }
        heads.add(scores.softmax(1).matMul(columns(v, range, head / form.groups())));
      }
      rows.add(ai.djl.ndarray.NDArrays.concat(heads, 1));
      start += length;
    }
    return LayerLab.join(rows);
  }

  private static NDArray columns(NDArray x, String range, int head) {
    return x.get(range + ", " + head * WIDTH + ":" + (head + 1) * WIDTH);
  }

  private static NDArray mask(NDArray like, int length, int window) {
    float[] mask = new float[length * length];
    for (int i = 0; i < length; i++) {
      for (int j = 0; j < length; j++) {
        boolean seen = j <= i && (window == 0 || j > i - window);
        mask[i * length + j] = seen ? 0 : -1e9f;
      }
    }
    return like.getManager().create(mask, new Shape(length, length));
  }
}
