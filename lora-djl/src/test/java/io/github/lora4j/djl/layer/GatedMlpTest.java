package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TensorData;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link GatedMlp}, and {@link FusedGateMlp}, which is the same by one map fewer. */
final class GatedMlpTest {

  private static final int TOKENS = 5;
  private static final int D = 4;
  private static final int F = 6;
  private static final double SCALING = 1.5;
  private static final TokenBatch BATCH = TokenBatch.of(new int[TOKENS]);

  @ParameterizedTest
  @CsvSource({
    "FP32, SILU, false, 1e-5",
    "FP32, GELU, false, 1e-5",
    "FP32, GELU_TANH, false, 1e-5",
    "FP32, RELU, false, 1e-5",
    "FP32, SILU, true, 1e-5",
    "FP32, GELU_TANH, true, 1e-5",
    "BF16, SILU, false, 3e-2",
    "BF16, GELU_TANH, true, 3e-2",
    "FP16, SILU, true, 1e-2",
    "FP16, GELU, false, 1e-2",
  })
  void forwardAndBackwardEqualAutograd(
      ScalarType type, Activation activation, boolean fused, double tolerance) {
    try (LayerLab lab = new LayerLab(1)) {
      Weights w = new Weights(lab, type, fused);
      AdapterWeights adapter = w.adapter();
      NDArray x = lab.rounded(type, lab.normal(TOKENS, D));
      NDArray dy = lab.rounded(type, lab.normal(TOKENS, D));
      List<NDArray> leaves = new ArrayList<>(List.of(x));
      for (String name : adapter.names()) {
        leaves.add(lab.copyOf(adapter, name));
      }
      NDArray[] all = leaves.toArray(new NDArray[0]);
      float[] expectedY = w.plain(leaves, activation).toFloatArray();
      List<float[]> expected = lab.autograd(dy, () -> w.plain(leaves, activation), all);

      try (Pass pass = Pass.training(lab.manager, BATCH, adapter, 0);
          Tape tape = Tape.recording(pass.manager())) {
        FeedForward mlp = w.mlp(activation);
        float[] y = lab.floats(mlp.forward(lab.as(type, x), pass, tape));
        float[] dx = lab.floats(mlp.backward(lab.as(type, dy), pass, tape));

        LayerLab.assertClose(y, expectedY, tolerance);
        LayerLab.assertClose(dx, expected.get(0), tolerance);
      }
      Map<String, TensorData> gradients = adapter.readGradients();
      for (int i = 0; i < adapter.names().size(); i++) {
        float[] gradient = LayerLab.data(gradients, adapter.names().get(i)).values();
        LayerLab.assertClose(gradient, expected.get(i + 1), tolerance);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"SILU, false", "GELU_TANH, false", "SILU, true"})
  void backwardEqualsCentralDifferences(Activation activation, boolean fused) {
    try (LayerLab lab = new LayerLab(4)) {
      Weights w = new Weights(lab, ScalarType.FP32, fused);
      FeedForward mlp = w.mlp(activation);
      AdapterWeights adapter = w.adapter();
      NDArray x = lab.normal(TOKENS, D);
      NDArray dy = lab.normal(TOKENS, D);

      try (Pass pass = Pass.training(lab.manager, BATCH, adapter, 0);
          Tape tape = Tape.recording(pass.manager())) {
        mlp.forward(LayerLab.lend(x, pass), pass, tape);
        float[] dx = mlp.backward(dy, pass, tape).toFloatArray();

        float[] expected =
            LayerLab.differences(
                x, dy.toFloatArray(), () -> mlp.forward(x, pass, Tape.off()).toFloatArray());
        LayerLab.assertClose(dx, expected, 2e-3);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void replayKeepsWhatForwardKeeps(boolean fused) {
    try (LayerLab lab = new LayerLab(2)) {
      Weights w = new Weights(lab, ScalarType.FP32, fused);
      AdapterWeights adapter = w.adapter();
      NDArray x = lab.normal(TOKENS, D);
      NDArray dy = lab.normal(TOKENS, D);
      FeedForward mlp = w.mlp(Activation.GELU_TANH);
      float[][] dx = new float[2][];

      for (int way = 0; way < 2; way++) {
        try (Pass pass = Pass.training(lab.manager, BATCH, adapter, 0);
            Tape tape = Tape.recording(pass.manager())) {
          if (way == 0) {
            mlp.forward(LayerLab.lend(x, pass), pass, tape);
          } else {
            mlp.replay(LayerLab.lend(x, pass), pass, tape);
          }
          dx[way] = mlp.backward(dy, pass, tape).toFloatArray();
        }
      }

      assertThat(dx[1]).isEqualTo(dx[0]);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void nothingLeaks(boolean fused) {
    try (LayerLab lab = new LayerLab(3)) {
      Weights w = new Weights(lab, ScalarType.FP32, fused);
      FeedForward mlp = w.mlp(Activation.SILU);
      NDArray x = lab.normal(TOKENS, D);

      lab.assertNoLeak(
          BATCH,
          w.adapter(),
          pass -> {
            try (Tape tape = Tape.recording(pass.manager())) {
              mlp.forward(LayerLab.lend(x, pass), pass, tape);
              mlp.backward(x, pass, tape);
            }
          });
    }
  }

  /** The three maps; fused, gate and up are the halves of one, with one pair. */
  private static final class Weights {
    private final LayerLab lab;
    private final ScalarType type;
    private final boolean fused;
    private final NDArray gateUp;
    private final NDArray gate;
    private final NDArray up;
    private final NDArray down;

    Weights(LayerLab lab, ScalarType type, boolean fused) {
      this.lab = lab;
      this.type = type;
      this.fused = fused;
      this.gateUp = lab.rounded(type, lab.normal(2 * F, D));
      this.gate = gateUp.get("0:" + F);
      this.up = gateUp.get("%d:%d".formatted(F, 2 * F));
      this.down = lab.rounded(type, lab.normal(D, F));
    }

    AdapterWeights adapter() {
      AdapterLayout.Pair ofDown = lab.pair("down", F, D, 2, 0);
      return fused
          ? lab.adapter(true, lab.pair("gate_up", D, 2 * F, 2, 0), ofDown)
          : lab.adapter(true, lab.pair("gate", D, F, 2, 0), lab.pair("up", D, F, 2, 0), ofDown);
    }

    FeedForward mlp(Activation activation) {
      Projection last = projection("down", down);
      return fused
          ? new FusedGateMlp(projection("gate_up", gateUp), last, activation)
          : new GatedMlp(projection("gate", gate), projection("up", up), last, activation);
    }

    private Projection projection(String path, NDArray matrix) {
      return new Projection(path, FrozenMatrix.of(lab.as(type, matrix)), null);
    }

    /** Leaves: x, then A and B of gate and up, or of both in one, and of down. */
    NDArray plain(List<NDArray> leaves, Activation activation) {
      NDArray x = leaves.get(0);
      NDArray g;
      NDArray u;
      if (fused) {
        NDArray z = map(x, gateUp, leaves.get(1), leaves.get(2));
        g = z.get(":, 0:" + F);
        u = z.get(":, %d:%d".formatted(F, 2 * F));
      } else {
        g = map(x, gate, leaves.get(1), leaves.get(2));
        u = map(x, up, leaves.get(3), leaves.get(4));
      }
      int last = leaves.size() - 2;
      return map(bent(g, activation).mul(u), down, leaves.get(last), leaves.get(last + 1));
    }

    private static NDArray bent(NDArray g, Activation activation) {
      return switch (activation) {
        case SILU -> g.mul(ai.djl.nn.Activation.sigmoid(g));
        case RELU -> ai.djl.nn.Activation.relu(g);
        case GELU -> ai.djl.nn.Activation.gelu(g);
        case GELU_TANH ->
            g.mul(0.5).mul(g.pow(3).mul(0.044715).add(g).mul(Math.sqrt(2 / Math.PI)).tanh().add(1));
      };
    }

    private static NDArray map(NDArray x, NDArray w, NDArray a, NDArray b) {
      return x.matMul(w.transpose())
          .add(x.matMul(a.transpose()).matMul(b.transpose()).mul(SCALING));
    }
  }
}
