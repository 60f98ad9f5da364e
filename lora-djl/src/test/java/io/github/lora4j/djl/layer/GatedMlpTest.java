package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class GatedMlpTest {

  private static final int TOKENS = 5;
  private static final int D = 4;
  private static final int F = 6;
  private static final double SCALING = 1.5;

  @ParameterizedTest
  @EnumSource(
      value = Activation.class,
      names = {"SILU", "GELU", "RELU"})
  void forwardAndBackwardEqualAutograd(Activation activation) {
    try (LayerLab lab = new LayerLab(1)) {
      Weights w = new Weights(lab);
      AdapterWeights adapter = w.adapter();
      NDArray x = lab.normal(TOKENS, D);
      NDArray dy = lab.normal(TOKENS, D);
      List<NDArray> leaves = new ArrayList<>(List.of(x));
      for (String name : adapter.names()) {
        leaves.add(lab.copyOf(adapter, name));
      }
      NDArray[] all = leaves.toArray(new NDArray[0]);
      float[] expectedY = w.plain(leaves, activation).toFloatArray();
      List<float[]> expected = lab.autograd(dy, () -> w.plain(leaves, activation), all);

      try (Pass pass = Pass.training(lab.manager, TokenBatch.of(new int[TOKENS]), adapter, 0);
          Tape tape = Tape.recording(pass.manager())) {
        GatedMlp mlp = w.mlp(activation);
        float[] y = mlp.forward(LayerLab.lend(x, pass), pass, tape).toFloatArray();
        float[] dx = mlp.backward(dy, pass, tape).toFloatArray();

        LayerLab.assertClose(y, expectedY, 1e-5);
        LayerLab.assertClose(dx, expected.get(0), 1e-5);
      }
      Map<String, io.github.lora4j.spi.TensorData> gradients = adapter.readGradients();
      for (int i = 0; i < adapter.names().size(); i++) {
        float[] gradient = LayerLab.data(gradients, adapter.names().get(i)).values();
        LayerLab.assertClose(gradient, expected.get(i + 1), 1e-5);
      }
    }
  }

  @Test
  void replayKeepsWhatForwardKeeps() {
    try (LayerLab lab = new LayerLab(2)) {
      Weights w = new Weights(lab);
      AdapterWeights adapter = w.adapter();
      NDArray x = lab.normal(TOKENS, D);
      NDArray dy = lab.normal(TOKENS, D);
      GatedMlp mlp = w.mlp(Activation.GELU_TANH);
      float[][] dx = new float[2][];

      for (int way = 0; way < 2; way++) {
        try (Pass pass = Pass.training(lab.manager, TokenBatch.of(new int[TOKENS]), adapter, 0);
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

  @Test
  void nothingLeaks() {
    try (LayerLab lab = new LayerLab(3)) {
      Weights w = new Weights(lab);
      NDArray x = lab.normal(TOKENS, D);

      lab.assertNoLeak(
          TokenBatch.of(new int[TOKENS]),
          w.adapter(),
          pass -> {
            try (Tape tape = Tape.recording(pass.manager())) {
              GatedMlp mlp = w.mlp(Activation.SILU);
              mlp.forward(LayerLab.lend(x, pass), pass, tape);
              mlp.backward(x, pass, tape);
            }
          });
    }
  }

  private static final class Weights {
    private final LayerLab lab;
    private final NDArray gate;
    private final NDArray up;
    private final NDArray down;

    Weights(LayerLab lab) {
      this.lab = lab;
      this.gate = lab.normal(F, D);
      this.up = lab.normal(F, D);
      this.down = lab.normal(D, F);
    }

    AdapterWeights adapter() {
      return lab.adapter(
          true,
          lab.pair("gate", D, F, 2, 0),
          lab.pair("up", D, F, 2, 0),
          lab.pair("down", F, D, 2, 0));
    }

    GatedMlp mlp(Activation activation) {
      return new GatedMlp(
          new Projection("gate", FrozenMatrix.of(gate), null),
          new Projection("up", FrozenMatrix.of(up), null),
          new Projection("down", FrozenMatrix.of(down), null),
          activation);
    }

    /** Leaves: x, then A and B of gate, up and down. */
    NDArray plain(List<NDArray> leaves, Activation activation) {
      NDArray x = leaves.get(0);
      NDArray g = map(x, gate, leaves.get(1), leaves.get(2));
      NDArray bent =
          switch (activation) {
            case SILU -> g.mul(ai.djl.nn.Activation.sigmoid(g));
            case RELU -> ai.djl.nn.Activation.relu(g);
            default -> ai.djl.nn.Activation.gelu(g);
          };
      return map(
          bent.mul(map(x, up, leaves.get(3), leaves.get(4))), down, leaves.get(5), leaves.get(6));
    }

    private static NDArray map(NDArray x, NDArray w, NDArray a, NDArray b) {
      return x.matMul(w.transpose())
          .add(x.matMul(a.transpose()).matMul(b.transpose()).mul(SCALING));
    }
  }
}
