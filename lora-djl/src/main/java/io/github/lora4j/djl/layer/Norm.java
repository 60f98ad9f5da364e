package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import java.util.ArrayList;
import java.util.List;

/**
 * Layer norm over the last dimension, {@code y = (x - mean)/std · weight + bias}, statistics in
 * fp32. The weight is frozen; the bias too, unless an adapter brings its own.
 */
public final class Norm {

  private final String path;
  private final NDArray weight;
  private final NDArray bias;
  private final double epsilon;

  /**
   * A layer norm of the base.
   *
   * @param path its path in the module tree
   * @param weight (D), fp32
   * @param bias (D), fp32
   * @param epsilon added to the variance
   */
  public Norm(String path, NDArray weight, NDArray bias, double epsilon) {
    this.path = path;
    this.weight = weight;
    this.bias = bias;
    this.epsilon = epsilon;
  }

  /**
   * Normalises and keeps x and its statistics. Whoever has to keep y keeps how it is made from x:
   * the same kernel on the same numbers, so the same bits.
   *
   * @param x (N, D)
   * @param pass the batch and its adapters
   * @param tape what backward will need
   * @return (N, D)
   */
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    String name = path + ".bias";
    if (!pass.isUniform()) {
      List<NDArray> parts = new ArrayList<>();
      Biases.forEachRange(
          name,
          bias,
          pass,
          (own, start, count) -> {
            NDArray rows = pass.one("rows_of", x, start, count);
            parts.add(pass.many("norm_forward", rows, weight, own, epsilon)[0]);
          });
      return pass.one("join_rows", (Object) parts.toArray(new NDArray[0]));
    }
    NDArray own = Biases.uniform(name, bias, pass);
    NDArray[] out = pass.many("norm_forward", x, weight, own, epsilon); // y, mean, rstd
    tape.keep(x, out[1], out[2]);
    tape.remake(out[0], later -> later.many("norm_forward", x, weight, own, epsilon)[0]);
    return out[0];
  }

  /**
   * Turns the gradient of y into that of x.
   *
   * @param dy (N, D)
   * @param pass the pass of forward
   * @param tape what forward kept
   * @return (N, D)
   */
  public NDArray backward(NDArray dy, Pass pass, Tape tape) {
    accumulateBias(dy, pass);
    try (Tape.Kept kept = tape.take()) {
      NDArray x = kept.get(0, pass);
      NDArray mean = kept.get(1, pass);
      NDArray rstd = kept.get(2, pass);
      return pass.one("norm_backward", dy, x, mean, rstd, weight, bias);
    }
  }

  /**
   * Adds up the gradient of an adapter's own bias, for the last norm of a backward pass, whose
   * input needs no gradient.
   *
   * @param dy (N, D)
   * @param pass the pass of forward
   */
  public void accumulateBias(NDArray dy, Pass pass) {
    for (Pass.Range range : pass.ranges()) {
      NDArray gradient = range.adapter().biasGradient(path + ".bias");
      if (gradient != null) {
        Kernels.get().run("bias_backward", dy, gradient);
      }
    }
  }
}
