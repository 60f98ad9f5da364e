package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Token ids to rows of a frozen table, with the low-rank pair that an adapter may put beside it:
 * {@code y = table[ids] + s·A[:, ids]ᵀBᵀ}, where A: (r, V) and B: (D, r). An adapter may also bring
 * a table of its own, of another vocabulary too. PEFT has no dropout here. A pair of DoRA gives y
 * the lengths m of the columns of the table, whose own are n: {@code y·m/n}.
 */
public final class Embedding {

  private final String path;
  private final FrozenMatrix table;
  private final ScalarType computeType;

  /**
   * A table of the base.
   *
   * @param path its path in the module tree
   * @param table (V, D)
   * @param computeType type of the rows given out
   */
  public Embedding(String path, FrozenMatrix table, ScalarType computeType) {
    this.path = path;
    this.table = table;
    this.computeType = computeType;
  }

  /**
   * Looks the tokens of a batch up and keeps what a trained pair needs.
   *
   * @param pass the batch
   * @param tape what backward will need
   * @return (N, D)
   */
  public NDArray forward(Pass pass, Tape tape) {
    NDArray ids = pass.manager().create(pass.batch().tokens()); // (N)
    NDArray y = pass.ownsMatrices() ? own(ids, pass) : table.rows(ids, computeType, pass);
    for (Pass.Range range : pass.ranges()) {
      LowRank pair = range.adapter().pair(path);
      if (pair == null) {
        continue;
      }
      if (pair.magnitude() != null) {
        scaled(y, ids, pass, range, pair, pair.magnitude(), tape);
        continue;
      }
      NDArray u =
          pass.one(
              "embedding_low_rank_forward",
              y,
              ids,
              range.start(),
              range.count(),
              pair.a(),
              pair.b(),
              pair.scaling()); // (n, r)
      if (pair.gradA() != null) {
        tape.keep(u);
      }
    }
    return y;
  }

  private void scaled(
      NDArray y,
      NDArray ids,
      Pass pass,
      Pass.Range range,
      LowRank pair,
      Magnitude magnitude,
      Tape tape) {
    boolean keep = pair.gradA() != null && tape.keeps();
    NDArray[] made =
        pass.many(
            "embedding_dora_forward",
            y,
            ids,
            range.start(),
            range.count(),
            pair.a(),
            pair.b(),
            pair.scaling(),
            magnitude.values(),
            magnitude.ofTable(tableOf(range.adapter()), pair),
            keep); // (n, r), (n, D)
    if (keep) {
      tape.keep(made);
    } else {
      made[0].close();
    }
  }

  private FrozenMatrix tableOf(@Nullable AdapterWeights adapter) {
    NDArray own = adapter == null ? null : adapter.own(path + ".weight");
    return own == null ? table : table.replacedBy(own);
  }

  private NDArray own(NDArray ids, Pass pass) {
    NDArray[] parts = new NDArray[pass.runs().size()];
    int part = 0;
    for (Pass.Run run : pass.runs()) {
      NDArray some = pass.one("rows_of", ids, run.start(), run.count());
      parts[part++] = tableOf(run.adapter()).rows(some, computeType, pass);
    }
    return parts.length == 1 ? parts[0] : pass.one("join_rows", (Object) parts);
  }

  /**
   * Adds up the gradients of a trained pair or table. Each word's gradients are added in the order
   * of the tokens, so that the sums do not depend on threads.
   *
   * @param dy (N, D)
   * @param pass the pass of forward
   * @param tape what forward kept
   */
  public void backward(NDArray dy, Pass pass, Tape tape) {
    AdapterWeights adapter = pass.only();
    if (adapter == null) {
      return;
    }
    NDArray ofTable = adapter.ownGradient(path + ".weight");
    LowRank pair = adapter.pair(path);
    if (ofTable == null && pair == null) {
      return;
    }
    try (NDArray ids = pass.manager().create(pass.batch().tokens())) {
      if (ofTable != null) {
        Kernels.get().run("table_backward", dy, ids, ofTable);
      } else if (pair != null && pair.gradA() != null) {
        backward(dy, ids, pass, adapter, pair, tape);
      }
    }
  }

  /**
   * Whether an adapter of a pass trains a pair or a table here.
   *
   * @param pass a training pass
   * @return true if {@link #backward} has something to add up
   */
  public boolean trained(Pass pass) {
    return pass.trains(path + ".");
  }

  private void backward(
      NDArray dy, NDArray ids, Pass pass, AdapterWeights adapter, LowRank pair, Tape tape) {
    Magnitude magnitude = pair.magnitude();
    try (Tape.Kept kept = tape.take();
        Pass inner = pass.nested()) {
      NDArray e = dy; // (N, D)
      if (magnitude != null && magnitude.gradient() != null) {
        NDArray norms = magnitude.ofTable(tableOf(adapter), pair);
        long n = dy.getShape().get(0);
        Kernels.get()
            .run("dora_backward", dy, 0, n, kept.get(1, pass), norms, magnitude.gradient());
        e = inner.one("copy_of", dy);
        Kernels.get().run("dora_scale", e, 0, n, magnitude.values(), norms);
      }
      Kernels.get()
          .run(
              "embedding_low_rank_backward",
              e,
              ids,
              kept.get(0, pass),
              pair.b(),
              Objects.requireNonNull(pair.gradA()),
              Objects.requireNonNull(pair.gradB()),
              pair.scaling());
    }
  }
}
