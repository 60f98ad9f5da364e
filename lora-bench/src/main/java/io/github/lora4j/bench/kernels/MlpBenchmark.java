package io.github.lora4j.bench.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.layer.Mlp;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Projection;
import io.github.lora4j.djl.layer.Tape;

/** The feed-forward layer without pairs, against its products alone. */
public class MlpBenchmark extends LayerBenchmark {

  private NDArray up;
  private NDArray down;
  private NDArray x;
  private NDArray dy;
  private NDArray wide;
  private Mlp mlp;

  @Override
  void prepare(Sizes sizes) {
    int hidden = sizes.hidden();
    up = array(4L * hidden, hidden);
    down = array(hidden, 4L * hidden);
    x = array(sizes.all(), hidden);
    dy = array(sizes.all(), hidden);
    wide = array(sizes.all(), 4L * hidden);
    mlp =
        new Mlp(
            new Projection("up", FrozenMatrix.of(up), vector(4L * hidden)),
            new Projection("down", FrozenMatrix.of(down), vector(hidden)),
            io.github.lora4j.djl.layer.Activation.GELU_TANH);
  }

  @Override
  void layer(Pass pass, Tape tape, boolean backward) {
    mlp.forward(lend(x, pass), pass, tape);
    if (backward) {
      mlp.backward(dy, pass, tape);
    }
  }

  @Override
  void bare(NDManager scope, boolean backward) {
    bare(scope, "product", x, up);
    bare(scope, "product", wide, down);
    if (backward) {
      bare(scope, "product_backward", dy, down);
      bare(scope, "product_backward", wide, up);
    }
  }
}
