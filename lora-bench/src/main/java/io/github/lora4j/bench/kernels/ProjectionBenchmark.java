package io.github.lora4j.bench.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Projection;
import io.github.lora4j.djl.layer.Tape;

/** A frozen map with a low-rank pair beside it, against its products alone. */
public class ProjectionBenchmark extends LayerBenchmark {

  private NDArray weight;
  private NDArray x;
  private NDArray dy;
  private Projection projection;

  @Override
  void prepare(Sizes sizes) {
    int hidden = sizes.hidden();
    weight = array(3L * hidden, hidden);
    x = array(sizes.all(), hidden);
    dy = array(sizes.all(), 3L * hidden);
    projection = new Projection(ADAPTED, FrozenMatrix.of(weight), vector(3L * hidden));
  }

  @Override
  void layer(Pass pass, Tape tape, boolean backward) {
    projection.forward(lend(x, pass), pass, tape);
    if (backward) {
      projection.backward(dy, pass, tape, true);
    }
  }

  @Override
  void bare(NDManager scope, boolean backward) {
    bare(scope, "product", x, weight);
    if (backward) {
      bare(scope, "product_backward", dy, weight);
    }
  }
}
