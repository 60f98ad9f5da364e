package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/** {@link GatedMlp} whose gate and up come from one map, as two halves: Phi-3. */
public final class FusedGateMlp implements FeedForward {

  private final Projection gateUp;
  private final Projection down;
  private final Activation activation;

  /**
   * A feed-forward layer.
   *
   * @param gateUp (2F, D)
   * @param down (D, F)
   * @param activation of the gate
   */
  public FusedGateMlp(Projection gateUp, Projection down, Activation activation) {
    this.gateUp = gateUp;
    this.down = down;
    this.activation = activation;
  }

  @Override
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    NDArray inner = inner(gateUp.forward(x, pass, tape), pass, tape); // (N, F)
    NDArray y = down.forward(inner, pass, tape); // (N, D)
    tape.free(inner);
    return y;
  }

  @Override
  public void replay(NDArray x, Pass pass, Tape tape) {
    NDArray z = gateUp.forward(x, pass, tape); // (N, 2F)
    if (!down.trained(pass)) { // the gradient of the other map needs z alone
      tape.keep(z);
      return;
    }
    NDArray inner = inner(z, pass, tape); // (N, F)
    down.replay(inner, pass, tape);
    tape.free(inner);
  }

  private NDArray inner(NDArray z, Pass pass, Tape tape) {
    NDArray inner = pass.one("fused_gate_forward", z, activation.kernel()); // (N, F)
    tape.keep(z);
    tape.remake(inner, later -> later.one("fused_gate_forward", z, activation.kernel()));
    tape.free(z);
    return inner;
  }

  @Override
  public NDArray backward(NDArray dy, Pass pass, Tape tape) {
    NDArray dz;
    try (NDArray da = require(down.backward(dy, pass, tape, true)); // (N, F)
        Tape.Kept kept = tape.take()) {
      dz = pass.one("fused_gate_backward", da, kept.get(0, pass), activation.kernel()); // (N, 2F)
    }
    try (dz) {
      return require(gateUp.backward(dz, pass, tape, true)); // (N, D)
    }
  }

  private static NDArray require(@Nullable NDArray gradient) {
    if (gradient == null) {
      throw new IllegalStateException("a gradient was asked for and not computed");
    }
    return gradient;
  }
}
