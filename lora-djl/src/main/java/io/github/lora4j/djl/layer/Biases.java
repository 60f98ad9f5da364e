package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;

/** Which bias, or other vector, a row sees: the base's, or the copy that its adapter brings. */
final class Biases {

  /** Adds or applies a bias to a run of rows. */
  @FunctionalInterface
  interface Use {
    void accept(NDArray bias, int start, int count);
  }

  private Biases() {}

  /** The one bias of a uniform pass, (D), or that of every row, (B, D). */
  static NDArray uniform(String name, NDArray base, Pass pass) {
    GatheredAdapters gathered = pass.gathered();
    if (gathered != null) {
      return gathered.bias(name, base);
    }
    if (pass.ranges().isEmpty()) {
      return base;
    }
    NDArray own = pass.ranges().get(0).adapter().own(name);
    return own == null ? base : own;
  }

  /** Calls back for consecutive runs of rows that cover the whole batch. */
  static void forEachRange(String name, NDArray base, Pass pass, Use use) {
    int done = 0;
    for (Pass.Range range : pass.ranges()) {
      NDArray own = range.adapter().own(name);
      if (own == null) {
        continue;
      }
      if (range.start() > done) {
        use.accept(base, done, range.start() - done);
      }
      use.accept(own, range.start(), range.count());
      done = range.start() + range.count();
    }
    if (done < pass.batch().size()) {
      use.accept(base, done, pass.batch().size() - done);
    }
  }
}
