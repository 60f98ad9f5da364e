package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import org.jspecify.annotations.Nullable;

/** {@code y = act(x W₁ᵀ + b₁) W₂ᵀ + b₂}, both maps with room for a low-rank pair. */
public final class Mlp implements FeedForward {

  private final Projection up;
  private final Projection down;
  private final Activation activation;

  /**
   * A feed-forward layer.
   *
   * @param up (F, D), F usually 4D
   * @param down (D, F)
   * @param activation between them
   */
  public Mlp(Projection up, Projection down, Activation activation) {
    this.up = up;
    this.down = down;
    this.activation = activation;
  }

  @Override
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    NDArray z = up.forward(x, pass, tape); // (N, F)
    NDArray activated = tape.keeps() ? activated(z, pass, tape) : inPlace(z); // (N, F)
    NDArray y = down.forward(activated, pass, tape); // (N, D)
    tape.free(activated);
    return y;
  }

  @Override
  public void replay(NDArray x, Pass pass, Tape tape) {
    NDArray z = up.forward(x, pass, tape); // (N, F)
    if (!down.trained(pass)) { // the gradient of the other map needs z alone
      tape.keep(z);
      return;
    }
    NDArray activated = activated(z, pass, tape); // (N, F)
    down.replay(activated, pass, tape);
    tape.free(activated);
  }

  private NDArray inPlace(NDArray z) {
    Kernels.get().run("activate_in_place", z, activation.kernel());
    return z;
  }

  private NDArray activated(NDArray z, Pass pass, Tape tape) {
    NDArray activated = pass.one("activate", z, activation.kernel()); // (N, F)
    tape.keep(z);
    tape.remake(activated, later -> later.one("activate", z, activation.kernel()));
    return activated;
  }

  @Override
  public NDArray backward(NDArray dy, Pass pass, Tape tape) {
    NDArray dz = require(down.backward(dy, pass, tape, true)); // (N, F)
    try (Tape.Kept kept = tape.take()) {
      Kernels.get()
          .run("activate_backward", dz, kept.get(0, pass), activation.kernel()); // in place
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
