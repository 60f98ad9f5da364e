package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rotary positions and their gradient, on the whole of a head and on a part of it. */
final class RotaryBackwardTest {

  private static final int HEADS = 3;
  private static final int WIDTH = 6;
  private static final int[] POSITIONS = {0, 1, 2, 3, 0, 1, 2};
  private static final TokenBatch BATCH = TokenBatch.of(new int[4], new int[3]);

  @ParameterizedTest
  @CsvSource({
    "FP32, 6, false, 1e-5",
    "FP32, 4, false, 1e-5",
    "FP32, 6, true, 1e-5",
    "FP32, 2, true, 1e-5",
    "BF16, 6, false, 1e-2",
    "BF16, 4, true, 1e-2",
    "FP16, 6, true, 1e-2",
    "FP16, 4, false, 1e-2",
  })
  void forwardAndBackwardEqualAutograd(
      ScalarType type, int turned, boolean interleaved, double tolerance) {
    RotaryFrequencies frequencies = RotaryFrequencies.plain(100, turned);
    Rotary rotary = new Rotary(frequencies, interleaved);
    try (LayerLab lab = new LayerLab(1);
        Pass pass = Pass.inference(lab.manager, BATCH, List.of())) {
      NDArray x = lab.rounded(type, lab.normal(7, HEADS * WIDTH));
      NDArray dy = lab.rounded(type, lab.normal(7, HEADS * WIDTH));
      float[] expectedY = plain(x, frequencies.at(0), interleaved).toFloatArray();
      List<float[]> expected = lab.autograd(dy, () -> plain(x, frequencies.at(0), interleaved), x);

      NDArray y = rotary.forward(lab.as(type, x), HEADS, pass);
      NDArray dx = rotary.backward(lab.as(type, dy), HEADS, pass);

      LayerLab.assertClose(lab.floats(y), expectedY, tolerance);
      LayerLab.assertClose(lab.floats(dx), expected.get(0), tolerance);
    }
  }

  /** With the factor of YaRN and longrope, and angles that grow with the length. */
  @ParameterizedTest
  @CsvSource({"false, false", "true, false", "false, true"})
  void backwardEqualsCentralDifferences(boolean interleaved, boolean dynamic) {
    RotaryFrequencies frequencies =
        dynamic
            ? RotaryFrequencies.dynamic(100, 4, 2, 3)
            : RotaryFrequencies.yarn(100, 4, 2, 32, 1, true, 4, 1.2);
    Rotary rotary = new Rotary(frequencies, interleaved);
    try (LayerLab lab = new LayerLab(2);
        Pass pass = Pass.inference(lab.manager, BATCH, List.of())) {
      NDArray x = lab.normal(7, HEADS * WIDTH);
      NDArray dy = lab.normal(7, HEADS * WIDTH);

      float[] dx = rotary.backward(dy, HEADS, pass).toFloatArray();

      float[] expected =
          LayerLab.differences(
              x, dy.toFloatArray(), () -> rotary.forward(x, HEADS, pass).toFloatArray());
      LayerLab.assertClose(dx, expected, 1e-3);
    }
  }

  @Test
  void nothingLeaks() {
    Rotary rotary = new Rotary(RotaryFrequencies.dynamic(100, 4, 2, 3), false);
    try (LayerLab lab = new LayerLab(3)) {
      NDArray x = lab.normal(7, HEADS * WIDTH);

      lab.assertNoLeak(
          BATCH,
          lab.adapter(true, lab.pair("p", 2, 2, 1, 0)),
          pass -> {
            try (Pass inner = pass.nested()) {
              rotary.backward(rotary.forward(x, HEADS, inner), HEADS, inner);
            }
          });
    }
  }

  private static NDArray plain(NDArray x, float[] angles, boolean interleaved) {
    int half = angles.length;
    float[] cos = new float[POSITIONS.length * HEADS * half];
    float[] sin = new float[cos.length];
    for (int i = 0; i < cos.length; i++) {
      double angle = (double) POSITIONS[i / (HEADS * half)] * angles[i % half];
      cos[i] = (float) Math.cos(angle);
      sin[i] = (float) Math.sin(angle);
    }
    Shape shape = new Shape((long) POSITIONS.length * HEADS, half);
    NDArray c = x.getManager().create(cos, shape);
    NDArray s = x.getManager().create(sin, shape);
    NDArray heads = x.reshape(-1, WIDTH);
    NDArray first = heads.get(interleaved ? ":, 0:%d:2".formatted(2 * half) : ":, 0:" + half);
    NDArray second =
        heads.get(
            interleaved ? ":, 1:%d:2".formatted(2 * half) : ":, %d:%d".formatted(half, 2 * half));
    NDArray a = first.mul(c).sub(second.mul(s));
    NDArray b = second.mul(c).add(first.mul(s));
    NDArray turned =
        interleaved
            ? NDArrays.stack(new NDList(a, b), 2).reshape(-1, 2L * half)
            : NDArrays.concat(new NDList(a, b), 1);
    NDArray all =
        2 * half < WIDTH
            ? NDArrays.concat(new NDList(turned, heads.get(":, %d:".formatted(2 * half))), 1)
            : turned;
    return all.reshape(x.getShape());
  }
}
