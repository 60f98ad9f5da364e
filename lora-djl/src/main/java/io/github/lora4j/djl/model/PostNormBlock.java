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
 * A block that normalises sums: {@code m = norm₁(x + attend(x))}, {@code y = norm₂(m + mlp(m))}.
 *
 * @param path start of the paths of its modules
 * @param attention with its linear maps
 * @param attentionNorm norm₁
 * @param mlp the feed-forward layer
 * @param mlpNorm norm₂
 */
public record PostNormBlock(
    String path,
    SelfAttention attention,
    Normalisation attentionNorm,
    FeedForward mlp,
    Normalisation mlpNorm)
    implements Block {

  @Override
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray a = add(attention.forward(x, inner, tape), x); // (N, D)
      NDArray m = attentionNorm.forward(a, inner, tape); // (N, D)
      NDArray f = add(mlp.forward(m, inner, tape), m); // (N, D)
      return inner.lift(mlpNorm.forward(f, inner, tape), pass); // (N, D)
    }
  }

  @Override
  public void replay(NDArray x, Pass pass, Tape tape) {
    forward(x, pass, tape).close();
  }

  @Override
  public @Nullable NDArray backward(NDArray dy, Pass pass, Tape tape, boolean wantInput) {
    try (Pass inner = pass.nested()) {
      NDArray df = mlpNorm.backward(dy, inner, tape); // (N, D)
      NDArray dm = add(mlp.backward(df, inner, tape), df); // (N, D)
      NDArray da = attentionNorm.backward(dm, inner, tape); // (N, D)
      NDArray dx = attention.backward(da, inner, tape, wantInput); // (N, D)
      return dx == null ? null : inner.lift(add(dx, da), pass); // (N, D)
    }
  }

  private static NDArray add(NDArray target, NDArray other) {
    Kernels.get().run("add_in_place", target, other);
    return target;
  }
}
