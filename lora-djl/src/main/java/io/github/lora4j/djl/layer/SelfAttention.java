package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/** {@code out(attend(norm(q), norm(k), v))}: the attention of a block with its linear maps. */
public final class SelfAttention {

  private final QueryKeyValue source;
  private final @Nullable RmsNorm queryNorm;
  private final @Nullable RmsNorm keyNorm;
  private final GroupedAttention attention;
  private final Projection out;

  /**
   * The attention of a block.
   *
   * @param source makes q, k and v
   * @param queryNorm of every query head, null for none; both or neither
   * @param keyNorm of every key head, null for none
   * @param attention what is computed of them
   * @param out (D, H·G·d)
   */
  public SelfAttention(
      QueryKeyValue source,
      @Nullable RmsNorm queryNorm,
      @Nullable RmsNorm keyNorm,
      GroupedAttention attention,
      Projection out) {
    this.source = source;
    this.queryNorm = queryNorm;
    this.keyNorm = keyNorm;
    this.attention = attention;
    this.out = out;
  }

  /**
   * Attends.
   *
   * @param x (N, D)
   * @param pass the batch and its adapters
   * @param tape what backward will need
   * @return (N, D)
   */
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    NDArray a = attend(x, pass, tape); // (N, H·G·d)
    NDArray y = out.forward(a, pass, tape); // (N, D)
    tape.free(a);
    return y;
  }

  private NDArray attend(NDArray x, Pass pass, Tape tape) {
    NDArray[] z = source.forward(x, pass, tape); // (N, H·G·d), (N, H·d), (N, H·d)
    NDArray q = queryNorm == null ? z[0] : queryNorm.forward(z[0], pass, tape);
    NDArray k = keyNorm == null ? z[1] : keyNorm.forward(z[1], pass, tape);
    NDArray a = attention.forward(q, k, z[2], pass, tape);
    if (q != z[0]) {
      tape.free(q);
      tape.free(k);
    }
    for (NDArray array : z) {
      tape.free(array);
    }
    return a;
  }

  /**
   * Turns the gradient of the output into that of x.
   *
   * @param dy (N, D)
   * @param pass the pass of forward
   * @param tape what forward kept
   * @param wantInput whether anything before this layer needs a gradient
   * @return (N, D), or null if it is not wanted
   */
  public @Nullable NDArray backward(NDArray dy, Pass pass, Tape tape, boolean wantInput) {
    NDArray da = out.backward(dy, pass, tape, true); // (N, H·G·d)
    if (da == null) {
      throw new IllegalStateException("a gradient was asked for and not computed");
    }
    NDArray[] d = attention.backward(da, pass, tape);
    da.close();
    if (keyNorm != null) {
      d[1] = through(keyNorm, d[1], pass, tape);
    }
    if (queryNorm != null) {
      d[0] = through(queryNorm, d[0], pass, tape);
    }
    return source.backward(d, pass, tape, wantInput);
  }

  private static NDArray through(RmsNorm norm, NDArray d, Pass pass, Tape tape) {
    try (d) {
      return norm.backward(d, pass, tape);
    }
  }
}
