package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What pairs with a magnitude (DoRA) do to the output of one linear map, and its backward: {@code y
 * = m/n·v + b}, {@code v = xWᵀ + s·(xAᵀ)Bᵀ}. The frozen product is given without its bias, which is
 * not scaled. v is kept for the gradient of m: to make it again would cost the frozen product.
 *
 * <p>Where elements of x are dropped, d = drop(x), {@code y = xWᵀ + m/n·v - dWᵀ + b} with v from d,
 * as in PEFT: a second frozen product, and a second one backward.
 */
final class DoraUpdate {

  private final String path;
  private final FrozenMatrix weight;

  DoraUpdate(String path, FrozenMatrix weight) {
    this.path = path;
    this.weight = weight;
  }

  /** Whether rows of a pass stand under such a pair. */
  boolean isIn(Pass pass) {
    for (Pass.Range range : pass.ranges()) {
      if (magnitude(range) != null) {
        return true;
      }
    }
    return false;
  }

  private @Nullable Magnitude magnitude(Pass.Range range) {
    LowRank pair = range.adapter().pair(path);
    return pair == null ? null : pair.magnitude();
  }

  /** Changes the rows of y, (N, out), from xWᵀ to what they are without their bias. */
  void forward(NDArray y, NDArray x, Pass pass, Pass.Range range, LowRank pair, Tape tape) {
    Magnitude magnitude = Objects.requireNonNull(pair.magnitude());
    NDArray norms = magnitude.norms(weight, pair); // (out)
    boolean keep = pair.gradA() != null && tape.keeps();
    if (pass.dropout(pair) > 0) {
      NDArray d = dropped(x, pass, range, pair); // (n, in)
      NDArray v = weight.forward(d, pass); // (n, out)
      NDArray u =
          pass.one(
              "dora_forward_dropped",
              y,
              d,
              v,
              range.start(),
              range.count(),
              pair.a(),
              pair.b(),
              pair.scaling(),
              magnitude.values(),
              norms); // (n, r)
      d.close();
      keep(keep, tape, x, u, v);
      return;
    }
    NDArray[] made =
        pass.many(
            "dora_forward",
            y,
            x,
            range.start(),
            range.count(),
            pair.a(),
            pair.b(),
            pair.scaling(),
            magnitude.values(),
            norms,
            keep); // (n, r), (n, out)
    if (keep) {
      tape.keep(x, made[0], made[1]);
    } else {
      made[0].close();
    }
  }

  private static void keep(boolean keep, Tape tape, NDArray x, NDArray u, NDArray v) {
    if (keep) {
      tape.keep(x, u, v);
    } else {
      u.close();
      v.close();
    }
  }

  private NDArray dropped(NDArray x, Pass pass, Pass.Range range, LowRank pair) {
    return pass.one(
        "dropped_rows",
        x,
        range.start(),
        range.count(),
        pass.dropout(pair),
        pass.dropoutSeed(path)); // (n, in)
  }

  /** Keeps what forward keeps for a trained pair, bit for bit. */
  void replay(NDArray x, Pass pass, Pass.Range range, LowRank pair, Tape tape) {
    boolean drops = pass.dropout(pair) > 0;
    NDArray d = drops ? dropped(x, pass, range, pair) : x; // (n, in) or (N, in)
    NDArray product = weight.forward(d, pass); // (n, out) or (N, out)
    NDArray[] made =
        pass.many(
            "dora_replay",
            product,
            d,
            drops ? 0 : range.start(),
            range.count(),
            pair.a(),
            pair.b(),
            pair.scaling()); // (n, r), (n, out)
    tape.keep(x, made[0], made[1]);
    product.close(); // v is a view and keeps its memory
    if (drops) {
      d.close();
    }
  }

  /** The gradient of every row's xWᵀ + s·(xAᵀ)Bᵀ: a copy of dy, (N, out), rows times m/n. */
  NDArray scaled(NDArray dy, Pass pass) {
    NDArray e = pass.one("copy_of", dy); // (N, out)
    for (Pass.Range range : pass.ranges()) {
      Magnitude magnitude = magnitude(range);
      if (magnitude != null) {
        NDArray norms = norms(range, magnitude);
        Kernels.get().run("dora_scale", e, range.start(), range.count(), magnitude.values(), norms);
      }
    }
    return e;
  }

  private NDArray norms(Pass.Range range, Magnitude magnitude) {
    return magnitude.norms(weight, Objects.requireNonNull(range.adapter().pair(path)));
  }

  /** Whether the frozen map of any such row sees x and what is left of it, so that dx is two. */
  boolean drops(Pass pass) {
    return pass.ranges().stream()
        .anyMatch(
            range ->
                magnitude(range) != null
                    && pass.dropout(Objects.requireNonNull(range.adapter().pair(path))) > 0);
  }

  /** Adds up the gradient of m, and in dx, (N, in), what dropped rows see of the frozen map. */
  void backward(
      NDArray dy, NDArray v, Pass pass, Pass.Range range, LowRank pair, @Nullable NDArray dx) {
    Magnitude magnitude = Objects.requireNonNull(pair.magnitude());
    NDArray norms = norms(range, magnitude);
    Kernels.get()
        .run(
            "dora_backward",
            dy,
            range.start(),
            range.count(),
            v,
            norms,
            Objects.requireNonNull(magnitude.gradient()));
    if (dx == null || pass.dropout(pair) == 0) {
      return;
    }
    try (NDArray excess =
            pass.one("dora_excess", dy, range.start(), range.count(), magnitude.values(), norms);
        NDArray change = weight.backward(excess, pass)) { // (n, out), (n, in)
      Kernels.get()
          .run(
              "add_masked",
              dx,
              change,
              range.start(),
              range.count(),
              pass.dropout(pair),
              pass.dropoutSeed(path));
    }
  }
}
