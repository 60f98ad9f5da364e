package io.github.lora4j.bench.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;

/** Layer norm against copying its input, once for each way. */
public class NormBenchmark extends LayerBenchmark {

  private static final double EPSILON = 1e-5;

  private NDArray x;
  private NDArray dy;
  private Norm norm;

  @Override
  void prepare(Sizes sizes) {
    x = array(sizes.all(), sizes.hidden());
    dy = array(sizes.all(), sizes.hidden());
    norm = new Norm("norm", vector(sizes.hidden()), vector(sizes.hidden()), EPSILON);
  }

  @Override
  void layer(Pass pass, Tape tape, boolean backward) {
    norm.forward(lend(x, pass), pass, tape);
    if (backward) {
      norm.backward(dy, pass, tape);
    }
  }

  @Override
  void bare(NDManager scope, boolean backward) {
    bare(scope, "copy", x);
    if (backward) {
      bare(scope, "copy", dy);
    }
  }
}
