package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import org.jspecify.annotations.Nullable;

/**
 * {@code y = (act(x Wgᵀ) · x Wuᵀ) Wdᵀ}, all three maps with room for a low-rank pair.
 *
 * @see <a href="https://arxiv.org/abs/2002.05202">Shazeer 2020</a>
 */
public final class GatedMlp implements FeedForward {

  private final Projection gate;
  private final Projection up;
  private final Projection down;
  private final Activation activation;

  /**
   * A feed-forward layer.
   *
   * @param gate (F, D)
   * @param up (F, D)
   * @param down (D, F)
   * @param activation of the gate
   */
  public GatedMlp(Projection gate, Projection up, Projection down, Activation activation) {
    this.gate = gate;
    this.up = up;
    this.down = down;
    this.activation = activation;
  }

  @Override
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    NDArray g = gate.forward(x, pass, tape); // (N, F)
    NDArray u = up.forward(x, pass, tape); // (N, F)
    NDArray inner = tape.keeps() ? inner(g, u, pass, tape) : innerInPlace(g, u); // (N, F)
    NDArray y = down.forward(inner, pass, tape); // (N, D)
    tape.free(inner);
    return y;
  }

  @Override
  public void replay(NDArray x, Pass pass, Tape tape) {
    NDArray g = gate.forward(x, pass, tape); // (N, F)
    NDArray u = up.forward(x, pass, tape); // (N, F)
    if (!down.trained(pass)) { // the gradients of the others need g and u alone
      tape.keep(g, u);
      return;
    }
    NDArray inner = inner(g, u, pass, tape); // (N, F)
    down.replay(inner, pass, tape);
    tape.free(inner);
  }

  private NDArray innerInPlace(NDArray g, NDArray u) {
    Kernels.get().run("gated_in_place", g, u, activation.kernel());
    u.close();
    return g;
  }

  private NDArray inner(NDArray g, NDArray u, Pass pass, Tape tape) {
    NDArray inner = pass.one("gated_forward", g, u, activation.kernel()); // (N, F)
    tape.keep(g, u);
    tape.remake(inner, later -> later.one("gated_forward", g, u, activation.kernel()));
    return inner;
  }

  @Override
  public NDArray backward(NDArray dy, Pass pass, Tape tape) {
    NDArray dg = require(down.backward(dy, pass, tape, true)); // (N, F), of the inner array first
    NDArray du;
    try (Tape.Kept kept = tape.take()) {
      NDArray g = kept.get(0, pass);
      NDArray u = kept.get(1, pass);
      du = pass.one("gated_backward", dg, g, u, activation.kernel()); // (N, F)
    }
    NDArray dx = require(up.backward(du, pass, tape, true)); // (N, D)
    du.close();
    try (NDArray more = require(gate.backward(dg, pass, tape, true))) {
      Kernels.get().run("add_in_place", dx, more);
    }
    dg.close();
    return dx;
  }

  private static NDArray require(@Nullable NDArray gradient) {
    if (gradient == null) {
      throw new IllegalStateException("a gradient was asked for and not computed");
    }
    return gradient;
  }
}
