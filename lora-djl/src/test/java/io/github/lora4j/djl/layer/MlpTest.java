package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class MlpTest {

  private static final int D = 3;
  private static final String UP = "mlp.up";
  private static final String DOWN = "mlp.down";

  private final LayerLab lab = new LayerLab(1);
  private final NDArray up = lab.normal(4 * D, D);
  private final NDArray upBias = lab.normal(4 * D);
  private final NDArray down = lab.normal(D, 4 * D);
  private final NDArray downBias = lab.normal(D);

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.3})
  void forwardAndBackwardEqualAutograd(double dropout) {
    try (lab) {
      NDArray x = lab.normal(5, D);
      NDArray dy = lab.normal(5, D);
      AdapterWeights adapter = adapter(dropout);
      NDArray[] pairs = {
        lab.copyOf(adapter, UP + ".lora_A"),
        lab.copyOf(adapter, UP + ".lora_B"),
        lab.copyOf(adapter, DOWN + ".lora_A"),
        lab.copyOf(adapter, DOWN + ".lora_B")
      };

      try (Pass pass = Pass.training(lab.manager, lab.batch(9, 3, 2), adapter, 5);
          Tape tape = Tape.recording(pass.manager())) {
        NDArray like = lab.normal(5, 4 * D);
        NDArray[] masks = {lab.mask(pass, UP, dropout, x), lab.mask(pass, DOWN, dropout, like)};
        float[] plain = plain(x, pairs, masks).toFloatArray();
        List<float[]> expected =
            lab.autograd(
                dy, () -> plain(x, pairs, masks), x, pairs[0], pairs[1], pairs[2], pairs[3]);
        Mlp layer = layer(ScalarType.FP32);
        float[] y = layer.forward(LayerLab.lend(x, pass), pass, tape).toFloatArray();
        float[] dx = layer.backward(dy, pass, tape).toFloatArray();

        LayerLab.assertClose(y, plain, 1e-5);
        LayerLab.assertClose(dx, expected.get(0), 1e-5);
        int leaf = 1;
        for (String name :
            List.of(UP + ".lora_A", UP + ".lora_B", DOWN + ".lora_A", DOWN + ".lora_B")) {
          float[] gradient = LayerLab.data(adapter.readGradients(), name).values();
          LayerLab.assertClose(gradient, expected.get(leaf++), 1e-5);
        }
      }
    }
  }

  @Test
  void backwardEqualsCentralDifferences() {
    try (lab) {
      NDArray x = lab.normal(2, D);
      NDArray dy = lab.normal(2, D);
      Mlp layer = layer(ScalarType.FP32);

      try (Pass pass = Pass.training(lab.manager, lab.batch(9, 2), adapter(0.3), 5);
          Tape tape = Tape.recording(pass.manager())) {
        layer.forward(LayerLab.lend(x, pass), pass, tape);
        float[] dx = layer.backward(dy, pass, tape).toFloatArray();

        float[] expected =
            LayerLab.differences(
                x, dy.toFloatArray(), () -> layer.forward(x, pass, Tape.off()).toFloatArray());
        LayerLab.assertClose(dx, expected, 3e-3);
      }
    }
  }

  @Test
  void bfloat16StaysNearFp32() {
    try (lab) {
      NDArray x = lab.as(ScalarType.BF16, lab.normal(5, D));
      NDArray dy = lab.as(ScalarType.BF16, lab.normal(5, D));
      AdapterWeights adapter = adapter(0);

      float[][] half = bothWays(layer(ScalarType.BF16), x, dy, adapter);
      float[][] full =
          bothWays(
              layer(ScalarType.FP32),
              lab.as(ScalarType.FP32, x),
              lab.as(ScalarType.FP32, dy),
              adapter);

      LayerLab.assertClose(half[0], full[0], 3e-2);
      LayerLab.assertClose(half[1], full[1], 3e-2);
    }
  }

  private float[][] bothWays(Mlp layer, NDArray x, NDArray dy, AdapterWeights adapter) {
    try (Pass pass = Pass.training(lab.manager, lab.batch(9, 5), adapter, 5);
        Tape tape = Tape.recording(pass.manager())) {
      float[] y = lab.floats(layer.forward(LayerLab.lend(x, pass), pass, tape));
      return new float[][] {y, lab.floats(layer.backward(dy, pass, tape))};
    }
  }

  @Test
  void passesLeaveNoArrays() {
    try (lab) {
      Mlp layer = layer(ScalarType.FP32);
      NDArray x = lab.normal(4, D);
      NDArray dy = lab.normal(4, D);

      lab.assertNoLeak(
          lab.batch(9, 4),
          adapter(0.3),
          pass -> {
            try (Tape tape = Tape.recording(pass.manager())) {
              layer.forward(LayerLab.lend(x, pass), pass, tape);
              layer.backward(dy, pass, tape);
            }
          });
    }
  }

  private AdapterWeights adapter(double dropout) {
    return lab.adapter(
        true, lab.pair(UP, D, 4 * D, 2, dropout), lab.pair(DOWN, 4 * D, D, 2, dropout));
  }

  private Mlp layer(ScalarType type) {
    return new Mlp(
        new Projection(UP, FrozenMatrix.of(lab.as(type, up)), upBias),
        new Projection(DOWN, FrozenMatrix.of(lab.as(type, down)), downBias),
        Activation.GELU_TANH);
  }

  private NDArray plain(NDArray x, NDArray[] pairs, NDArray[] masks) {
    NDArray z = linear(x, up, upBias).add(update(x.mul(masks[0]), pairs[0], pairs[1])); // (N, 4D)
    NDArray inner = z.add(z.pow(3).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
    NDArray activated = z.mul(0.5).mul(inner.tanh().add(1)); // (N, 4D)
    return linear(activated, down, downBias)
        .add(update(activated.mul(masks[1]), pairs[2], pairs[3])); // (N, D)
  }

  private static NDArray linear(NDArray x, NDArray w, NDArray bias) {
    return x.matMul(w.transpose()).add(bias);
  }

  private static NDArray update(NDArray x, NDArray a, NDArray b) {
    return x.matMul(a.transpose()).matMul(b.transpose()).mul(1.5);
  }
}
