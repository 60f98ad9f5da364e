package io.github.lora4j.djl.layer;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A run of neighbouring sequences of a batch that share an adapter. Sequences in no segment see the
 * bare base.
 *
 * @param adapter the adapter
 * @param firstRow first sequence of the run
 * @param rows number of sequences
 */
public record AdapterSegment(AdapterWeights adapter, int firstRow, int rows) {

  /** Checks the range. */
  public AdapterSegment {
    if (firstRow < 0 || rows < 1) {
      throw new IllegalArgumentException(
          "a segment needs at least one row, got %d from %d".formatted(rows, firstRow));
    }
  }

  /**
   * The segments of a batch.
   *
   * @param adapters of its sequences, in order; empty for the bare base
   * @return as few as there can be: neighbours of the same adapter share one
   */
  public static List<AdapterSegment> of(List<Optional<AdapterWeights>> adapters) {
    List<AdapterSegment> segments = new ArrayList<>();
    int first = 0;
    for (int row = 1; row <= adapters.size(); row++) {
      Optional<AdapterWeights> adapter = adapters.get(first);
      if (row == adapters.size() || !adapters.get(row).equals(adapter)) {
        int start = first;
        int count = row - first;
        adapter.ifPresent(weights -> segments.add(new AdapterSegment(weights, start, count)));
        first = row;
      }
    }
    return segments;
  }
}
