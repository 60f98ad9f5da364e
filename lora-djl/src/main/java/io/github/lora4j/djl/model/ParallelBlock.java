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
 * A block whose sub-layers read the same: {@code y = x + attend(norm₁ x) + mlp(norm₂ x)}; norm₂ may
 * be norm₁ itself.
 *
 * @param path start of the paths of its modules
 * @param attentionNorm norm₁
 * @param attention with its linear maps
 * @param mlpNorm norm₂, null where it is norm₁
 * @param mlp the feed-forward layer
 */
public record ParallelBlock(
    String path,
    Normalisation attentionNorm,
    SelfAttention attention,
    @Nullable Normalisation mlpNorm,
    FeedForward mlp)
    implements Block {

  @Override
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray n = attentionNorm.forward(x, inner, tape); // (N, D)
      NDArray a = attention.forward(n, inner, tape); // (N, D)
      NDArray n2 = mlpNorm == null ? n : mlpNorm.forward(x, inner, tape); // (N, D)
      NDArray y = mlp.forward(n2, inner, tape); // (N, D)
      tape.free(n2);
      add(y, a);
      return inner.lift(add(y, x), pass); // (N, D)
    }
  }

  @Override
  public void replay(NDArray x, Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray n = attentionNorm.forward(x, inner, tape); // (N, D)
      attention.forward(n, inner, tape);
      NDArray n2 = mlpNorm == null ? n : mlpNorm.forward(x, inner, tape); // (N, D)
      mlp.replay(n2, inner, tape);
    }
  }

  @Override
  public @Nullable NDArray backward(NDArray dy, Pass pass, Tape tape, boolean wantInput) {
    try (Pass inner = pass.nested()) {
      NDArray dn2 = mlp.backward(dy, inner, tape); // (N, D)
      NDArray dx2 = null;
      if (mlpNorm != null) {
        dx2 = through(mlpNorm, dn2, inner, tape, wantInput); // (N, D)
      }
      boolean wantNorm = wantInput || attentionNorm.trained(pass);
      NDArray dn = attention.backward(dy, inner, tape, wantNorm); // (N, D)
      if (dn == null) {
        return null;
      }
      if (mlpNorm == null) {
        add(dn, dn2);
      }
      NDArray dx = through(attentionNorm, dn, inner, tape, wantInput); // (N, D)
      if (dx == null) {
        return null;
      }
      if (dx2 != null) {
        add(dx, dx2);
      }
      return inner.lift(add(dx, dy), pass); // (N, D)
    }
  }

  private static @Nullable NDArray through(
      Normalisation norm, NDArray dn, Pass pass, Tape tape, boolean wantInput) {
    if (wantInput) {
      return norm.backward(dn, pass, tape);
    }
    norm.accumulate(dn, pass, tape);
    return null;
  }

  private static NDArray add(NDArray target, NDArray other) {
    Kernels.get().run("add_in_place", target, other);
    return target;
  }
}
