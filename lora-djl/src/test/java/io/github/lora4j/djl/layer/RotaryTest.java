package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import com.google.gson.Gson;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

final class RotaryTest {

  private static final int HEADS = 3;
  private static final int WIDTH = 6;

  /** What {@code tools/golden/rotary.py} wrote; settings that a scaling has not are zero. */
  @SuppressWarnings("ArrayRecordComponent") // read from JSON, equality is never asked for
  record Case(
      String rope_type,
      double theta,
      double factor,
      double low_freq_factor,
      double high_freq_factor,
      int original_max_position_embeddings,
      double beta_fast,
      double beta_slow,
      Boolean truncate,
      Double attention_factor,
      double[] short_factor,
      double[] long_factor,
      int length,
      float[] frequencies) {}

  static Stream<Case> cases() throws IOException {
    try (Reader reader =
        new InputStreamReader(
            Objects.requireNonNull(
                RotaryTest.class.getResourceAsStream("/golden/layers/rotary.json")),
            StandardCharsets.UTF_8)) {
      return Arrays.stream(new Gson().fromJson(reader, Case[].class));
    }
  }

  /** fp32 powers of two libraries: the last bits may differ. */
  @ParameterizedTest
  @MethodSource("cases")
  void frequenciesAreThoseOfTransformers(Case golden) {
    RotaryFrequencies frequencies = frequencies(golden, 16, 64);

    float[] actual = frequencies.at(golden.length);

    for (int i = 0; i < golden.frequencies.length; i++) {
      float expected = golden.frequencies[i];
      assertThat(actual[i]).as("pair %d", i).isCloseTo(expected, within(2e-6f * expected));
    }
    assertThat(actual).hasSameSizeAs(golden.frequencies);
  }

  private static RotaryFrequencies frequencies(Case c, int width, int longest) {
    int trained = c.original_max_position_embeddings;
    return switch (c.rope_type) {
      case "linear" -> RotaryFrequencies.linear(c.theta, width, c.factor);
      case "dynamic" -> RotaryFrequencies.dynamic(c.theta, width, c.factor, longest);
      case "llama3" ->
          RotaryFrequencies.llama3(
              c.theta, width, c.factor, c.low_freq_factor, c.high_freq_factor, trained);
      case "yarn" ->
          RotaryFrequencies.yarn(
              c.theta,
              width,
              c.factor,
              c.beta_fast == 0 ? 32 : c.beta_fast,
              c.beta_slow == 0 ? 1 : c.beta_slow,
              c.truncate == null || c.truncate,
              trained,
              1);
      case "longrope" ->
          RotaryFrequencies.longRope(c.theta, width, c.short_factor, c.long_factor, trained, 1);
      default -> throw new AssertionError(c.rope_type);
    };
  }

  /** R numbers of each head turn, the others stay. */
  @ParameterizedTest
  @CsvSource({"6, false", "4, false", "6, true", "2, true"})
  void pairsTurnByTheirAnglesAndBack(int turned, boolean interleaved) {
    RotaryFrequencies frequencies = RotaryFrequencies.plain(100, turned);
    Rotary rotary = new Rotary(frequencies, interleaved);
    try (LayerLab lab = new LayerLab(1);
        Pass pass = Pass.inference(lab.manager, TokenBatch.of(new int[4], new int[3]), List.of())) {
      NDArray x = lab.normal(7, HEADS * WIDTH);
      int[] positions = {0, 1, 2, 3, 0, 1, 2};

      NDArray y = rotary.forward(x, HEADS, pass);
      NDArray back = rotary.backward(y, HEADS, pass);

      float[] expected = plain(x.toFloatArray(), positions, frequencies.at(0), interleaved);
      LayerLab.assertClose(y.toFloatArray(), expected, 1e-6);
      LayerLab.assertClose(back.toFloatArray(), x.toFloatArray(), 1e-6);
    }
  }

  private static float[] plain(float[] x, int[] positions, float[] angles, boolean interleaved) {
    float[] y = x.clone();
    int half = angles.length;
    for (int head = 0; head < positions.length * HEADS; head++) {
      for (int i = 0; i < half; i++) {
        int first = head * WIDTH + (interleaved ? 2 * i : i);
        int second = interleaved ? first + 1 : first + half;
        double angle = (double) positions[head / HEADS] * angles[i];
        y[first] = (float) (x[first] * Math.cos(angle) - x[second] * Math.sin(angle));
        y[second] = (float) (x[second] * Math.cos(angle) + x[first] * Math.sin(angle));
      }
    }
    return y;
  }

  @Test
  void factorOfLongRopeScalesBothWays() {
    double[] ones = {1, 1, 1};
    Rotary rotary = new Rotary(RotaryFrequencies.longRope(100, 6, ones, ones, 8, 1.25), false);
    try (LayerLab lab = new LayerLab(2);
        Pass pass = Pass.inference(lab.manager, TokenBatch.of(new int[2]), List.of())) {
      NDArray x = lab.normal(2, WIDTH);

      NDArray y = rotary.forward(x, 1, pass);
      NDArray back = rotary.backward(y, 1, pass);

      LayerLab.assertClose(back.toFloatArray(), x.mul(1.25 * 1.25).toFloatArray(), 1e-6);
    }
  }

  @Test
  void oddWidthsAreRefused() {
    assertThatThrownBy(() -> RotaryFrequencies.plain(10000, 5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("an even number of a head's numbers turn in pairs, got 5");
  }

  /** Window, G, ALiBi, whether angles depend on the length. */
  @ParameterizedTest
  @CsvSource({
    "0, 1, false, false",
    "0, 3, false, false",
    "0, 2, true, false",
    "0, 2, false, true",
    "4, 2, false, false",
    "5, 1, true, false",
    "4, 2, false, true",
  })
  void decodingWithACacheEqualsWholeSequences(
      int window, int groups, boolean alibi, boolean dynamic) {
    RotaryFrequencies frequencies =
        dynamic ? RotaryFrequencies.dynamic(100, WIDTH, 2, 6) : RotaryFrequencies.plain(100, WIDTH);
    int[] prompts = {7, 2, 4};
    int steps = 6;
    try (LayerLab lab = new LayerLab(3);
        KeyValueCache cache =
            new KeyValueCache(
                lab.manager,
                io.github.lora4j.djl.internal.ScalarType.FP32,
                new int[] {window},
                prompts.length,
                HEADS,
                WIDTH,
                16)) {
      NDArray slopes = alibi ? AlibiAttention.slopes(lab.manager, HEADS * groups) : null;
      GroupedAttention layer =
          new GroupedAttention(
              0,
              new GroupedAttention.Form(HEADS, groups, 0.4, window, 0),
              new Rotary(frequencies, false),
              GroupedAttentionTest.withFactor(slopes),
              true);
      int[] q = {HEADS * groups * WIDTH, HEADS * WIDTH, HEADS * WIDTH};
      float[][][] rows = new float[prompts.length][3][];
      SplittableRandom random = new SplittableRandom(4);
      for (int row = 0; row < prompts.length; row++) {
        for (int i = 0; i < 3; i++) {
          rows[row][i] = new float[(prompts[row] + steps) * q[i]];
          for (int n = 0; n < rows[row][i].length; n++) {
            rows[row][i][n] = (float) random.nextDouble(-1, 1);
          }
        }
      }

      for (int step = 0; step <= steps; step++) {
        int[] starts = new int[prompts.length];
        int[] added = new int[prompts.length];
        for (int row = 0; row < prompts.length; row++) {
          starts[row] = step == 0 ? 0 : prompts[row] + step - 1;
          added[row] = step == 0 ? prompts[row] : 1;
        }
        float[] actual;
        TokenBatch batch =
            TokenBatch.of(Arrays.stream(added).mapToObj(int[]::new).toArray(int[][]::new));
        try (Pass pass = Pass.cached(lab.manager, batch, List.of(), cache)) {
          NDArray[] in = inputs(lab, rows, q, starts, added);
          actual = layer.forward(in[0], in[1], in[2], pass, Tape.off()).toFloatArray();
        }
        cache.advance(added);
        int at = 0;
        for (int row = 0; row < prompts.length; row++) {
          int length = prompts[row] + step;
          float[] whole = whole(lab, layer, rows[row], q, length);
          at += added[row];
          LayerLab.assertClose(
              LayerLab.rows(actual, q[0], at - 1, 1),
              LayerLab.rows(whole, q[0], length - 1, 1),
              1e-5);
        }
      }
    }
  }

  private static float[] whole(
      LayerLab lab, GroupedAttention layer, float[][] row, int[] widths, int length) {
    try (Pass pass = Pass.inference(lab.manager, TokenBatch.of(new int[length]), List.of())) {
      NDArray[] in = inputs(lab, new float[][][] {row}, widths, new int[] {0}, new int[] {length});
      return layer.forward(in[0], in[1], in[2], pass, Tape.off()).toFloatArray();
    }
  }

  private static NDArray[] inputs(
      LayerLab lab, float[][][] rows, int[] widths, int[] starts, int[] counts) {
    NDArray[] in = new NDArray[3];
    int tokens = Arrays.stream(counts).sum();
    for (int i = 0; i < 3; i++) {
      float[] all = new float[tokens * widths[i]];
      int at = 0;
      for (int row = 0; row < rows.length; row++) {
        int count = counts[row] * widths[i];
        System.arraycopy(rows[row][i], starts[row] * widths[i], all, at, count);
        at += count;
      }
      in[i] = lab.manager.create(all, new Shape(tokens, widths[i]));
    }
    return in;
  }
}
