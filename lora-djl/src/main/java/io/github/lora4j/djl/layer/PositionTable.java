package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.Arrays;

/** A learned row for every place of a sequence; frozen. */
public final class PositionTable {

  private final FrozenMatrix table;
  private final int places;
  private final int offset;
  private final ScalarType computeType;

  /**
   * A table of the base.
   *
   * @param table (P + offset, D)
   * @param places P, tokens that a sequence may have
   * @param offset rows before that of the first place: 2 in OPT
   * @param computeType type of the rows given out
   */
  public PositionTable(FrozenMatrix table, int places, int offset, ScalarType computeType) {
    this.table = table;
    this.places = places;
    this.offset = offset;
    this.computeType = computeType;
  }

  /**
   * Looks the places of a batch up.
   *
   * @param pass the batch
   * @return (N, D)
   * @throws IllegalArgumentException if a sequence is longer than the table
   */
  public NDArray forward(Pass pass) {
    int[] positions = pass.positions();
    int last = Arrays.stream(positions).max().orElse(0);
    if (last >= places) {
      throw new IllegalArgumentException(
          "the model has places for %d tokens, a sequence has %d; shorten it"
              .formatted(places, last + 1));
    }
    long[] rows = Arrays.stream(positions).mapToLong(p -> p + offset).toArray();
    return table.rows(pass.manager().create(rows), computeType, pass);
  }
}
