package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Layer norm over the last dimension, {@code y = (x - mean)/std · weight + bias}, statistics in
 * fp32. Weight and bias are frozen, unless an adapter brings its own.
 */
public final class Norm {

  private final String weightName;
  private final String biasName;
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
    this.weightName = path + ".weight";
    this.biasName = path + ".bias";
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
    if (!pass.isUniform()) {
      List<NDArray> parts = new ArrayList<>();
      for (Pass.Run run : pass.runs()) {
        NDArray rows = pass.one("rows_of", x, run.start(), run.count());
        NDArray w = own(run.adapter(), weightName, weight);
        parts.add(
            pass.many("norm_forward", rows, w, own(run.adapter(), biasName, bias), epsilon)[0]);
      }
      return pass.one("join_rows", (Object) parts.toArray(new NDArray[0]));
    }
    NDArray w = Biases.uniform(weightName, weight, pass);
    NDArray b = Biases.uniform(biasName, bias, pass);
    NDArray[] out = pass.many("norm_forward", x, w, b, epsilon); // y, mean, rstd
    tape.keep(x, out[1], out[2]);
    tape.remake(out[0], later -> later.many("norm_forward", x, w, b, epsilon)[0]);
    return out[0];
  }

  private NDArray own(@Nullable AdapterWeights adapter, String parameter, NDArray base) {
    NDArray own = adapter == null ? null : adapter.own(parameter);
    return own == null ? base : own;
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
    try (Tape.Kept kept = tape.take()) {
      accumulate(dy, pass, kept);
      NDArray x = kept.get(0, pass);
      NDArray mean = kept.get(1, pass);
      NDArray rstd = kept.get(2, pass);
      NDArray w = own(pass.only(), weightName, weight);
      return pass.one("norm_backward", dy, x, mean, rstd, w, bias);
    }
  }

  /**
   * Adds up the gradients of an adapter's own weight and bias, for the last norm of a backward
   * pass, whose input needs no gradient.
   *
   * @param dy (N, D)
   * @param pass the pass of forward
   * @param tape what forward kept
   */
  public void accumulate(NDArray dy, Pass pass, Tape tape) {
    try (Tape.Kept kept = tape.take()) {
      accumulate(dy, pass, kept);
    }
  }

  private void accumulate(NDArray dy, Pass pass, Tape.Kept kept) {
    AdapterWeights adapter = pass.only();
    NDArray ofBias = adapter == null ? null : adapter.ownGradient(biasName);
    NDArray ofWeight = adapter == null ? null : adapter.ownGradient(weightName);
    if (ofBias != null) {
      Kernels.get().run("bias_backward", dy, ofBias);
    }
    if (ofWeight != null) {
      NDArray x = kept.get(0, pass);
      NDArray mean = kept.get(1, pass);
      Kernels.get().run("norm_weight_backward", dy, x, mean, kept.get(2, pass), ofWeight);
    }
  }
}
