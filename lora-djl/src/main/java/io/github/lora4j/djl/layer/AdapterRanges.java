package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.layer.Pass.Range;
import io.github.lora4j.djl.layer.Pass.Run;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Which tokens of a pass see which adapter, and the pass's hold on these adapters.
 *
 * @param all in the order of the tokens
 */
record AdapterRanges(List<Range> all) {

  /**
   * Takes hold of the adapters of a pass, of all or of none.
   *
   * @param parent manager of the model
   * @param batch the sequences
   * @param segments which rows see which adapter
   * @param use how an adapter is held
   */
  static AdapterRanges acquire(
      NDManager parent,
      TokenBatch batch,
      List<AdapterSegment> segments,
      Consumer<AdapterWeights> use) {
    if (!parent.isOpen()) {
      throw new IllegalStateException("the base is closed; load it again");
    }
    checkRows(batch, segments);
    List<Range> ranges = new ArrayList<>();
    try {
      for (AdapterSegment segment : segments) {
        int start = batch.tokensOf(segment.firstRow());
        int end = batch.tokensOf(segment.firstRow() + segment.rows());
        use.accept(segment.adapter());
        ranges.add(
            new Range(segment.adapter(), start, end - start, segment.firstRow(), segment.rows()));
      }
    } catch (RuntimeException e) {
      ranges.forEach(range -> range.adapter().release());
      throw e;
    }
    ranges.sort(Comparator.comparingInt(Range::start));
    return new AdapterRanges(List.copyOf(ranges));
  }

  private static void checkRows(TokenBatch batch, List<AdapterSegment> segments) {
    BitSet covered = new BitSet(batch.rows());
    for (AdapterSegment segment : segments) {
      int last = segment.firstRow() + segment.rows() - 1;
      if (last >= batch.rows()) {
        throw new IllegalArgumentException(
            "a segment covers rows %d to %d, the batch has rows 0 to %d"
                .formatted(segment.firstRow(), last, batch.rows() - 1));
      }
      for (int row = segment.firstRow(); row <= last; row++) {
        if (covered.get(row)) {
          throw new IllegalArgumentException("two segments cover row " + row);
        }
        covered.set(row);
      }
    }
  }

  /** Whether one that is trained has something below a path. */
  boolean train(String prefix) {
    return all.stream()
        .anyMatch(range -> range.adapter().trainable() && range.adapter().touches(prefix));
  }

  /** Whether one brings a whole matrix in the place of one of the base. */
  boolean ownMatrices() {
    for (Range range : all) { // asked by every layer of every token
      if (range.adapter().ownsMatrices()) {
        return true;
      }
    }
    return false;
  }

  /** The adapter that all of so many tokens see, else null. */
  @Nullable AdapterWeights only(int tokens) {
    return all.size() == 1 && all.get(0).count() == tokens ? all.get(0).adapter() : null;
  }

  /** So many tokens run by run, those without an adapter included. */
  List<Run> runs(int tokens) {
    List<Run> runs = new ArrayList<>();
    int done = 0;
    for (Range range : all) {
      if (range.start() > done) {
        runs.add(new Run(null, done, range.start() - done));
      }
      runs.add(new Run(range.adapter(), range.start(), range.count()));
      done = range.start() + range.count();
    }
    if (done < tokens) {
      runs.add(new Run(null, done, tokens - done));
    }
    return runs;
  }

  /** Lets the adapters go. */
  void release() {
    all.forEach(range -> range.adapter().release());
  }
}
