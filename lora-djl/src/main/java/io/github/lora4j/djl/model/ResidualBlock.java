package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.FeedForward;
import io.github.lora4j.djl.layer.Normalisation;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.SelfAttention;
import io.github.lora4j.djl.layer.Tape;
import org.jspecify.annotations.Nullable;

/**
 * A block whose sub-layers add to what they read: {@code m = x + attend(norm₁ x)}, {@code y = m +
 * mlp(norm₂ m)}. Gemma normalises what is added as well: {@code m = x + norm(attend(norm₁ x))}.
 *
 * @param path start of the paths of its modules
 * @param attentionNorm norm₁
 * @param attention with its linear maps
 * @param attentionOut norm of what attention adds, null for none
 * @param mlpNorm norm₂
 * @param mlp the feed-forward layer
 * @param mlpOut norm of what it adds, null for none
 */
public record ResidualBlock(
    String path,
    Normalisation attentionNorm,
    SelfAttention attention,
    @Nullable Normalisation attentionOut,
    Normalisation mlpNorm,
    FeedForward mlp,
    @Nullable Normalisation mlpOut)
    implements Block {

  @Override
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray m = attend(x, inner, tape); // (N, D)
      NDArray n = mlpNorm.forward(m, inner, tape); // (N, D)
      NDArray f = mlp.forward(n, inner, tape); // (N, D)
      tape.free(n);
      return inner.lift(sum(m, f, mlpOut, inner, tape), pass); // (N, D)
    }
  }

  @Override
  public void replay(NDArray x, Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray m = attend(x, inner, tape); // (N, D)
      NDArray n = mlpNorm.forward(m, inner, tape); // (N, D)
      if (mlpOut == null) {
        mlp.replay(n, inner, tape);
      } else {
        NDArray f = mlp.forward(n, inner, tape); // (N, D), of which backward needs the statistics
        mlpOut.forward(f, inner, tape);
      }
    }
  }

  private NDArray attend(NDArray x, Pass pass, Tape tape) {
    NDArray n = attentionNorm.forward(x, pass, tape); // (N, D)
    NDArray a = attention.forward(n, pass, tape); // (N, D)
    tape.free(n);
    return sum(x, a, attentionOut, pass, tape); // (N, D)
  }

  /** x + norm(added). Without a norm in place: nobody kept what a linear map gave. */
  private static NDArray sum(
      NDArray x, NDArray added, @Nullable Normalisation norm, Pass pass, Tape tape) {
    if (norm == null) {
      return add(added, x);
    }
    try (NDArray normed = norm.forward(added, pass, tape)) {
      tape.free(added);
      return pass.make("add", normed, x);
    }
  }

  @Override
  public @Nullable NDArray backward(NDArray dy, Pass pass, Tape tape, boolean wantInput) {
    try (Pass inner = pass.nested()) {
      NDArray df = mlpOut == null ? dy : mlpOut.backward(dy, inner, tape); // (N, D)
      NDArray dn2 = mlp.backward(df, inner, tape); // (N, D)
      NDArray dm = mlpNorm.backward(dn2, inner, tape); // (N, D)
      dn2.close();
      add(dm, dy);
      NDArray da = attentionOut == null ? dm : attentionOut.backward(dm, inner, tape); // (N, D)
      boolean wantNorm = wantInput || attentionNorm.trained(pass);
      NDArray dn = attention.backward(da, inner, tape, wantNorm); // (N, D)
      if (!wantInput || dn == null) {
        if (dn != null) {
          attentionNorm.accumulate(dn, inner, tape);
        }
        return null;
      }
      NDArray dx = attentionNorm.backward(dn, inner, tape); // (N, D)
      return inner.lift(add(dx, dm), pass); // (N, D)
    }
  }

  private static NDArray add(NDArray target, NDArray other) {
    Kernels.get().run("add_in_place", target, other);
    return target;
  }
}
