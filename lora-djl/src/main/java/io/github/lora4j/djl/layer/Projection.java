package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A frozen linear map with the low-rank pair that an adapter may put beside it: {@code y = xWᵀ + b
 * + s·(drop(x)Aᵀ)Bᵀ}. An adapter may also train a whole W and b of its own.
 *
 * <p>The base product is computed once for the whole batch; each run of rows that shares an adapter
 * adds its own update in place. Nothing of size (N, out) is made besides y. Backward forms no
 * gradient of the base's W: {@code dx = dy W + s·mask·(dy B)A}, {@code dA = s·(dy B)ᵀ drop(x)},
 * {@code dB = s·dyᵀ(drop(x)Aᵀ)}.
 */
public final class Projection {

  private final String path;
  private final String weightName;
  private final FrozenMatrix weight;
  private final @Nullable NDArray bias;

  /**
   * A linear map of the base.
   *
   * @param path its path in the module tree
   * @param weight (out, in)
   * @param bias (out) in fp32, or null
   */
  public Projection(String path, FrozenMatrix weight, @Nullable NDArray bias) {
    this.path = path;
    this.weightName = path + ".weight";
    this.weight = weight;
    this.bias = bias;
  }

  /**
   * Computes y and keeps x and u = drop(x)Aᵀ where a pair is trained.
   *
   * @param x (N, in)
   * @param pass the batch and its adapters
   * @param tape what backward will need
   * @return (N, out)
   */
  public NDArray forward(NDArray x, Pass pass, Tape tape) {
    NDArray y = base(x, pass); // (N, out)
    GatheredAdapters gathered = pass.gathered();
    if (gathered != null) {
      gathered.addTo(y, x, path);
      return y;
    }
    for (Pass.Range range : pass.ranges()) {
      LowRank pair = range.adapter().pair(path);
      if (pair == null) {
        continue;
      }
      NDArray u =
          pass.one(
              "low_rank_forward",
              y,
              x,
              range.start(),
              range.count(),
              pair.a(),
              pair.b(),
              pair.scaling(),
              pass.dropout(pair),
              pass.dropoutSeed(path)); // (n, r)
      if (pair.gradA() != null) {
        tape.keep(x, u);
      }
    }
    keepForWeight(x, pass, tape);
    return y;
  }

  /** A module that is trained whole has no pair. */
  private void keepForWeight(NDArray x, Pass pass, Tape tape) {
    if (weightGradient(pass) != null) {
      tape.keep(x);
    }
  }

  /**
   * Keeps what {@link #forward} keeps, without computing y: nothing at all where nothing is
   * trained.
   *
   * @param x (N, in)
   * @param pass the batch and its adapters
   * @param tape what backward will need
   */
  public void replay(NDArray x, Pass pass, Tape tape) {
    for (Pass.Range range : pass.ranges()) {
      LowRank pair = range.adapter().pair(path);
      if (pair == null || pair.gradA() == null) {
        continue;
      }
      NDArray u =
          pass.one(
              "low_rank_inner",
              x,
              range.start(),
              range.count(),
              pair.a(),
              pass.dropout(pair),
              pass.dropoutSeed(path)); // (n, r)
      tape.keep(x, u);
    }
    keepForWeight(x, pass, tape);
  }

  private NDArray base(NDArray x, Pass pass) {
    if (pass.ownsMatrices() && isOwned(pass)) {
      return own(x, pass);
    }
    if (bias == null) {
      return weight.forward(x, pass);
    }
    if (pass.isUniform()) {
      return weight.forward(x, Biases.uniform(biasName(), bias, pass), pass);
    }
    return withBiases(weight.forward(x, pass), bias, pass);
  }

  /** Every run of rows by its own matrix; those of the base are multiplied as one. */
  private NDArray own(NDArray x, Pass pass) {
    AdapterWeights only = pass.only();
    FrozenMatrix uniform = only == null ? weight : weightOf(only);
    NDArray y = uniform.forward(x, pass); // (N, out)
    for (Pass.Range range : only == null ? pass.ranges() : List.<Pass.Range>of()) {
      FrozenMatrix own = weightOf(range.adapter());
      if (own != weight) {
        NDArray rows = pass.one("rows_of", x, range.start(), range.count());
        NDArray target = pass.one("rows_of", y, range.start(), range.count());
        Kernels.get().run("copy_into", target, own.forward(rows, pass));
      }
    }
    return bias == null ? y : withBiases(y, bias, pass);
  }

  private boolean isOwned(Pass pass) {
    return pass.ranges().stream().anyMatch(range -> weightOf(range.adapter()) != weight);
  }

  private FrozenMatrix weightOf(@Nullable AdapterWeights adapter) {
    NDArray own = adapter == null ? null : adapter.own(weightName);
    return own == null ? weight : weight.replacedBy(own);
  }

  private @Nullable NDArray weightGradient(Pass pass) {
    AdapterWeights adapter = pass.only();
    return adapter == null ? null : adapter.ownGradient(weightName);
  }

  private NDArray withBiases(NDArray y, NDArray bias, Pass pass) {
    Biases.forEachRange(
        biasName(), bias, pass, (own, start, count) -> pass.one("add_bias", y, start, count, own));
    return y;
  }

  private String biasName() {
    return path + ".bias";
  }

  /**
   * Turns the gradient of y into that of x and adds up the pair's own.
   *
   * @param dy (N, out)
   * @param pass the pass of forward
   * @param tape what forward kept
   * @param wantInput whether anything before this layer needs a gradient
   * @return (N, in), or null if it is not wanted
   */
  public @Nullable NDArray backward(NDArray dy, Pass pass, Tape tape, boolean wantInput) {
    NDArray dx = wantInput ? weightOf(pass.only()).backward(dy, pass) : null; // (N, in)
    NDArray[] target = dx == null ? new NDArray[0] : new NDArray[] {dx};
    for (Pass.Range range : pass.ranges()) {
      LowRank pair = range.adapter().pair(path);
      NDArray gradient = range.adapter().ownGradient(biasName());
      if (gradient != null) {
        Kernels.get().run("bias_backward", dy, gradient);
      }
      if (pair == null || pair.gradA() == null || pair.gradB() == null) {
        continue;
      }
      try (Tape.Kept kept = tape.take()) {
        Kernels.get()
            .run(
                "low_rank_backward",
                dy,
                kept.get(0, pass),
                kept.get(1, pass),
                range.start(),
                range.count(),
                pair.a(),
                pair.b(),
                pair.gradA(),
                pair.gradB(),
                pair.scaling(),
                pass.dropout(pair),
                pass.dropoutSeed(path),
                target);
      }
    }
    NDArray ofWeight = weightGradient(pass);
    if (ofWeight != null) {
      try (Tape.Kept kept = tape.take()) {
        Kernels.get().run("weight_backward", dy, kept.get(0, pass), ofWeight);
      }
    }
    return dx;
  }
}
