package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * RMS norm, {@code y = x / √(mean(x²) + ε) · weight}, statistics in fp32: over rows, or over each
 * head of them where the weight is as wide as a head.
 *
 * @see <a href="https://arxiv.org/abs/1910.07467">Zhang and Sennrich 2019</a>
 */
public final class RmsNorm implements Normalisation {

  private final String weightName;
  private final NDArray weight;
  private final double plus;
  private final double epsilon;

  /**
   * An RMS norm of the base.
   *
   * @param path its path in the module tree
   * @param weight (D), or the width of a head; fp32
   * @param plus what is added to the stored weight: 0, or 1 for Gemma
   * @param epsilon added to the mean of squares
   */
  public RmsNorm(String path, NDArray weight, double plus, double epsilon) {
    this.weightName = path + ".weight";
    this.weight = weight;
    this.plus = plus;
    this.epsilon = epsilon;
  }

  @Override
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    if (!pass.isUniform()) {
      List<NDArray> parts = new ArrayList<>();
      for (Pass.Run run : pass.runs()) {
        NDArray rows = pass.one("rows_of", x, run.start(), run.count());
        parts.add(pass.many("rms_forward", rows, own(run.adapter()), plus, epsilon)[0]);
      }
      return pass.one("join_rows", (Object) parts.toArray(new NDArray[0]));
    }
    NDArray w = Biases.uniform(weightName, weight, pass);
    NDArray[] out = pass.many("rms_forward", x, w, plus, epsilon); // y, rstd
    tape.keep(x, out[1]);
    tape.remake(out[0], later -> later.many("rms_forward", x, w, plus, epsilon)[0]);
    return out[0];
  }

  private NDArray own(@Nullable AdapterWeights adapter) {
    NDArray own = adapter == null ? null : adapter.own(weightName);
    return own == null ? weight : own;
  }

  @Override
  public NDArray backward(NDArray dy, Pass pass, Tape tape) {
    try (Tape.Kept kept = tape.take()) {
      accumulate(dy, pass, kept);
      NDArray w = own(pass.only());
      return pass.one("rms_backward", dy, kept.get(0, pass), kept.get(1, pass), w, plus);
    }
  }

  @Override
  public void accumulate(NDArray dy, Pass pass, Tape tape) {
    try (Tape.Kept kept = tape.take()) {
      accumulate(dy, pass, kept);
    }
  }

  private void accumulate(NDArray dy, Pass pass, Tape.Kept kept) {
    AdapterWeights adapter = pass.only();
    NDArray gradient = adapter == null ? null : adapter.ownGradient(weightName);
    if (gradient != null) {
      Kernels.get().run("rms_weight_backward", dy, kept.get(0, pass), kept.get(1, pass), gradient);
    }
  }

  @Override
  public boolean trained(Pass pass) {
    return pass.trains(weightName);
  }
}
