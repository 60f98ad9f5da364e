package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RmsNormTest {

  private static final int TOKENS = 5;
  private static final double EPSILON = 1e-3;

  /** Width of a row and of the weight, and what Gemma adds. */
  @ParameterizedTest
  @CsvSource({"6, 6, 0", "6, 6, 1", "12, 4, 0", "12, 4, 1"})
  void forwardAndBackwardEqualAutograd(int width, int part, double plus) {
    try (LayerLab lab = new LayerLab(1)) {
      NDArray x = lab.normal(TOKENS, width);
      NDArray dy = lab.normal(TOKENS, width);
      NDArray weight = lab.normal(part);
      List<float[]> expected = lab.autograd(dy, () -> plain(x, weight, plus), x);

      float[][] actual = bothWays(lab, x, dy, new RmsNorm("n", weight, plus, EPSILON));

      LayerLab.assertClose(actual[0], plain(x, weight, plus).toFloatArray(), 1e-6);
      LayerLab.assertClose(actual[1], expected.get(0), 1e-5);
    }
  }

  /** Width of the weight; rounding is 2⁻⁸ in bf16. */
  @ParameterizedTest
  @CsvSource({"BF16, 12, 0", "BF16, 4, 1", "FP16, 12, 1", "FP16, 4, 0"})
  void halfPrecisionStaysNearAutograd(ScalarType type, int part, double plus) {
    try (LayerLab lab = new LayerLab(4)) {
      NDArray x = lab.rounded(type, lab.normal(TOKENS, 12));
      NDArray dy = lab.rounded(type, lab.normal(TOKENS, 12));
      NDArray weight = lab.normal(part);
      List<float[]> expected = lab.autograd(dy, () -> plain(x, weight, plus), x);
      RmsNorm norm = new RmsNorm("n", weight, plus, EPSILON);

      float[][] actual = bothWays(lab, lab.as(type, x), lab.as(type, dy), norm);

      LayerLab.assertClose(actual[0], plain(x, weight, plus).toFloatArray(), 1e-2);
      LayerLab.assertClose(actual[1], expected.get(0), 1e-2);
    }
  }

  @Test
  void backwardEqualsCentralDifferences() {
    try (LayerLab lab = new LayerLab(2)) {
      NDArray x = lab.normal(3, 4);
      NDArray dy = lab.normal(3, 4);
      RmsNorm norm = new RmsNorm("n", lab.normal(4), 0, EPSILON);

      float[] actual = bothWays(lab, x, dy, norm)[1];

      float[] expected =
          LayerLab.differences(x, dy.toFloatArray(), () -> bothWays(lab, x, dy, norm)[0]);
      LayerLab.assertClose(actual, expected, 1e-3);
    }
  }

  @Test
  void nothingLeaks() {
    try (LayerLab lab = new LayerLab(3)) {
      NDArray x = lab.normal(TOKENS, 4);
      RmsNorm norm = new RmsNorm("n", lab.normal(4), 0, EPSILON);
      AdapterWeights adapter = lab.adapter(true, lab.pair("p", 2, 2, 1, 0));

      lab.assertNoLeak(
          TokenBatch.of(new int[TOKENS]),
          adapter,
          pass -> {
            try (Tape tape = Tape.recording(pass.manager())) {
              norm.forward(LayerLab.lend(x, pass), pass, tape);
              norm.backward(x, pass, tape);
            }
          });
    }
  }

  private static float[][] bothWays(LayerLab lab, NDArray x, NDArray dy, RmsNorm norm) {
    TokenBatch batch = TokenBatch.of(new int[Math.toIntExact(x.getShape().get(0))]);
    try (Pass pass = Pass.inference(lab.manager, batch, List.of());
        Tape tape = Tape.recording(pass.manager())) {
      float[] y = lab.floats(norm.forward(LayerLab.lend(x, pass), pass, tape));
      return new float[][] {y, lab.floats(norm.backward(dy, pass, tape))};
    }
  }

  private static NDArray plain(NDArray x, NDArray weight, double plus) {
    NDArray heads = x.reshape(-1, weight.getShape().get(0));
    NDArray rms = heads.square().mean(new int[] {1}, true).add(EPSILON).sqrt();
    return heads.div(rms).mul(weight.add(plus)).reshape(x.getShape());
  }
}
