package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import org.jspecify.annotations.Nullable;

/** {@code y = gelu(x W₁ᵀ + b₁) W₂ᵀ + b₂}, both maps with room for a low-rank pair. */
public final class Mlp implements FeedForward {

  private final Projection up;
  private final Projection down;

  /**
   * A feed-forward layer.
   *
   * @param up (4D, D)
   * @param down (D, 4D)
   */
  public Mlp(Projection up, Projection down) {
    this.up = up;
    this.down = down;
  }

  @Override
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    NDArray activated = activate(x, pass, tape); // (N, 4D)
    NDArray y = down.forward(activated, pass, tape); // (N, D)
    tape.free(activated);
    return y;
  }

  @Override
  public void replay(NDArray x, Pass pass, Tape tape) {
    NDArray activated = activate(x, pass, tape); // (N, 4D)
    down.replay(activated, pass, tape);
    tape.free(activated);
  }

  private NDArray activate(NDArray x, Pass pass, Tape tape) {
    NDArray z = up.forward(x, pass, tape); // (N, 4D)
    NDArray activated = pass.one("gelu_forward", z); // (N, 4D)
    tape.keep(z);
    tape.remake(activated, later -> later.one("gelu_forward", z));
    tape.free(z);
    return activated;
  }

  @Override
  public NDArray backward(NDArray dy, Pass pass, Tape tape) {
    NDArray dz = require(down.backward(dy, pass, tape, true)); // (N, 4D)
    try (Tape.Kept kept = tape.take()) {
      Kernels.get().run("gelu_backward", dz, kept.get(0, pass)); // in place
    }
    NDArray dx = require(up.backward(dz, pass, tape, true)); // (N, D)
    dz.close();
    return dx;
  }

  private static NDArray require(@Nullable NDArray gradient) {
    if (gradient == null) {
      throw new IllegalStateException("a gradient was asked for and not computed");
    }
    return gradient;
  }
}
