package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;

/** Token ids to rows of a frozen table. */
public final class Embedding {

  private final FrozenMatrix table;
  private final ScalarType computeType;

  /**
   * A table of the base.
   *
   * @param table (V, D)
   * @param computeType type of the rows given out
   */
  public Embedding(FrozenMatrix table, ScalarType computeType) {
    this.table = table;
    this.computeType = computeType;
  }

  /**
   * Looks the tokens of a batch up.
   *
   * @param pass the batch
   * @return (N, D)
   */
  public NDArray forward(Pass pass) {
    NDArray ids = pass.manager().create(pass.batch().tokens());
    return table.rows(ids, computeType, pass);
  }
}
