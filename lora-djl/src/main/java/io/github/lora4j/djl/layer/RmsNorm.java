package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;

/**
 * RMS norm, {@code y = x / √(mean(x²) + ε) · weight}, statistics in fp32, the weight frozen: over
 * rows, or over each head of them where the weight is as wide as a head.
 *
 * @see <a href="https://arxiv.org/abs/1910.07467">Zhang and Sennrich 2019</a>
 */
public final class RmsNorm {

  private final NDArray weight;
  private final double plus;
  private final double epsilon;

  /**
   * An RMS norm of the base.
   *
   * @param weight (D), or the width of a head; fp32
   * @param plus what is added to the stored weight: 0, or 1 for Gemma
   * @param epsilon added to the mean of squares
   */
  public RmsNorm(NDArray weight, double plus, double epsilon) {
    this.weight = weight;
    this.plus = plus;
    this.epsilon = epsilon;
  }

  /**
   * Normalises and keeps x and its statistics. Whoever has to keep y keeps how it is made from x.
   *
   * @param x (N, D), D a multiple of the weight's width
   * @param pass the batch
   * @param tape what backward will need
   * @return (N, D)
   */
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    NDArray[] out = pass.many("rms_forward", x, weight, plus, epsilon); // y, rstd
    tape.keep(x, out[1]);
    tape.remake(out[0], later -> later.many("rms_forward", x, weight, plus, epsilon)[0]);
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
    try (Tape.Kept kept = tape.take()) {
      return pass.one("rms_backward", dy, kept.get(0, pass), kept.get(1, pass), weight, plus);
    }
  }
}
