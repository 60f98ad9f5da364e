package io.github.lora4j.djl.layer;

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
}
