package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A frozen linear map with the low-rank pair that an adapter may put beside it: {@code y = xWᵀ + b
 * + s·(drop(x)Aᵀ)Bᵀ}.
 *
 * <p>A pair of DoRA scales the rows of W besides: {@link DoraUpdate}.
 *
 * <p>The base product is computed once for the whole batch; each run of rows that shares an adapter
 * adds its own update in place. Nothing of size (N, out) is made besides y. Backward forms no
 * gradient of W: {@code dx = dy W + s·mask·(dy B)A}, {@code dA = s·(dy B)ᵀ drop(x)}, {@code dB =
 * s·dyᵀ(drop(x)Aᵀ)}.
 */
public final class Projection {

  private final String path;
  private final String weightName;
  private final FrozenMatrix weight;
  private final @Nullable NDArray bias;
  private final DoraUpdate dora;

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
    this.dora = new DoraUpdate(path, weight);
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
    GatheredAdapters gathered = pass.gathered();
    if (gathered != null) {
      return decode(x, pass, gathered);
    }
    boolean biasLast = bias != null && dora.isIn(pass);
    NDArray y = biasLast ? product(x, pass) : base(x, pass); // (N, out)
    for (Pass.Range range : pass.ranges()) {
      LowRank pair = range.adapter().pair(path);
      if (pair == null) {
        continue;
      }
      if (pair.magnitude() != null) {
        dora.forward(y, x, pass, range, pair, tape);
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
    if (biasLast) {
      addBias(y, pass);
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

  /** One token a row, the adapters of all rows as one. */
  private NDArray decode(NDArray x, Pass pass, GatheredAdapters gathered) {
    boolean scales = gathered.scales(path);
    NDArray y = scales ? product(x, pass) : base(x, pass); // (B, out)
    gathered.addTo(y, x, path);
    if (scales) {
      gathered.scale(y, path, weight);
      addBias(y, pass);
    }
    return y;
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
      if (pair.magnitude() != null) {
        dora.replay(x, pass, range, pair, tape);
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
    if (bias != null && pass.isUniform() && !isOwned(pass)) {
      return weight.forward(x, Biases.uniform(biasName(), bias, pass), pass);
    }
    NDArray y = product(x, pass);
    addBias(y, pass);
    return y;
  }

  /** Every run of rows by its own matrix; those of the base are multiplied as one. */
  private NDArray product(NDArray x, Pass pass) {
    if (!isOwned(pass)) {
      return weight.forward(x, pass);
    }
    AdapterWeights only = pass.only();
    FrozenMatrix uniform = only == null ? weight : weightOf(only, pass);
    NDArray y = uniform.forward(x, pass); // (N, out)
    for (Pass.Range range : only == null ? pass.ranges() : List.<Pass.Range>of()) {
      FrozenMatrix own = weightOf(range.adapter(), pass);
      if (own != weight) {
        NDArray rows = pass.one("rows_of", x, range.start(), range.count());
        NDArray target = pass.one("rows_of", y, range.start(), range.count());
        Kernels.get().run("copy_into", target, own.forward(rows, pass));
      }
    }
    return y;
  }

  private boolean isOwned(Pass pass) {
    return pass.ownsMatrices()
        && pass.ranges().stream().anyMatch(range -> own(range.adapter()) != null);
  }

  private FrozenMatrix weightOf(@Nullable AdapterWeights adapter, Pass pass) {
    NDArray own = own(adapter);
    if (own == null) {
      return weight;
    }
    return weight.replacedBy(weight.isAcross() ? pass.one("transposed", own) : own);
  }

  private @Nullable NDArray own(@Nullable AdapterWeights adapter) {
    return adapter == null ? null : adapter.own(weightName);
  }

  private @Nullable NDArray weightGradient(Pass pass) {
    AdapterWeights adapter = pass.only();
    return adapter == null ? null : adapter.ownGradient(weightName);
  }

  /** Adds to each row of y, (N, out), the bias that it sees, if there is one. */
  private void addBias(NDArray y, Pass pass) {
    if (bias == null) {
      return;
    }
    if (pass.isUniform()) {
      NDArray all = Biases.uniform(biasName(), bias, pass); // (out) or (N, out)
      Kernels.get().run("add_bias", y, 0, y.getShape().get(0), all);
      return;
    }
    Biases.forEachRange(
        biasName(),
        bias,
        pass,
        (own, start, count) -> Kernels.get().run("add_bias", y, start, count, own));
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
    boolean scales = dora.isIn(pass);
    NDArray e = scales ? dora.scaled(dy, pass) : dy; // (N, out)
    FrozenMatrix matrix = weightOf(pass.only(), pass);
    NDArray dx = wantInput ? matrix.backward(dora.drops(pass) ? dy : e, pass) : null; // (N, in)
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
                e,
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
        if (pair.magnitude() != null) {
          dora.backward(dy, kept.get(2, pass), pass, range, pair, dx);
        }
      }
    }
    if (scales) {
      e.close();
    }
    NDArray ofWeight = weightGradient(pass);
    if (ofWeight != null) {
      try (Tape.Kept kept = tape.take()) {
        NDArray x = kept.get(0, pass); // (N, in)
        boolean across = weight.isAcross();
        Kernels.get().run("weight_backward", across ? x : dy, across ? dy : x, ofWeight);
      }
    }
    return dx;
  }

  /**
   * Whether an adapter of a pass trains a pair or parameters here.
   *
   * @param pass a training pass
   * @return true if {@link #backward} has something to add up
   */
  public boolean trained(Pass pass) {
    return pass.trains(path + ".");
  }
}
