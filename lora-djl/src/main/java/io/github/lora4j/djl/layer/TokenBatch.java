package io.github.lora4j.djl.layer;

import java.util.Arrays;
import java.util.List;

/**
 * Sequences of any length, concatenated: there is no padding, so linear maps, norms and the loss
 * see real tokens only. N is the number of tokens in all, B the number of sequences.
 */
public final class TokenBatch {

  /** Label of a position that does not count. */
  public static final int IGNORE = -100;

  private final long[] tokens;
  private final int[] lengths;
  private final long[] labelledRows;
  private final long[] targets;

  private TokenBatch(long[] tokens, int[] lengths, long[] labelledRows, long[] targets) {
    this.tokens = tokens;
    this.lengths = lengths;
    this.labelledRows = labelledRows;
    this.targets = targets;
  }

  /**
   * A batch without labels.
   *
   * @param rows token ids, one array a sequence, none empty
   * @return the batch
   */
  public static TokenBatch of(int[]... rows) {
    int[][] none = new int[rows.length][];
    for (int i = 0; i < rows.length; i++) {
      none[i] = new int[rows[i].length];
      Arrays.fill(none[i], IGNORE);
    }
    return of(List.of(rows), List.of(none));
  }

  /**
   * A batch with labels in the convention of Hugging Face: labels stand at the position of their
   * own token, and the position before it predicts them; the first label of a sequence is never
   * used.
   *
   * @param rows token ids, one array a sequence, none empty
   * @param labels of the same lengths, {@link #IGNORE} where a position does not count
   * @return the batch
   * @throws IllegalArgumentException if a sequence is empty or lengths differ
   */
  public static TokenBatch of(List<int[]> rows, List<int[]> labels) {
    if (rows.size() != labels.size()) {
      throw new IllegalArgumentException(
          "%d sequences but %d label rows".formatted(rows.size(), labels.size()));
    }
    int total = 0;
    for (int b = 0; b < rows.size(); b++) {
      if (rows.get(b).length == 0) {
        throw new IllegalArgumentException("sequence %d of the batch is empty".formatted(b));
      }
      if (rows.get(b).length != labels.get(b).length) {
        throw new IllegalArgumentException(
            "sequence %d has %d tokens but %d labels"
                .formatted(b, rows.get(b).length, labels.get(b).length));
      }
      total = Math.addExact(total, rows.get(b).length);
    }
    long[] tokens = new long[total];
    long[] labelledRows = new long[total];
    long[] targets = new long[total];
    int labelled = 0;
    int start = 0;
    for (int b = 0; b < rows.size(); b++) {
      int[] row = rows.get(b);
      for (int t = 0; t < row.length; t++) {
        tokens[start + t] = row[t];
        if (t > 0 && labels.get(b)[t] != IGNORE) {
          labelledRows[labelled] = start + t - 1;
          targets[labelled++] = labels.get(b)[t];
        }
      }
      start += row.length;
    }
    return new TokenBatch(
        tokens,
        rows.stream().mapToInt(row -> row.length).toArray(),
        Arrays.copyOf(labelledRows, labelled),
        Arrays.copyOf(targets, labelled));
  }

  /**
   * Tokens in all.
   *
   * @return N
   */
  public int size() {
    return tokens.length;
  }

  /**
   * Sequences.
   *
   * @return B
   */
  public int rows() {
    return lengths.length;
  }

  /**
   * Positions that predict a label; what a loss is normalised by.
   *
   * @return the count
   */
  public int labelCount() {
    return targets.length;
  }

  /**
   * All ids in order.
   *
   * @return (N), not to be changed
   */
  public long[] tokens() {
    return tokens;
  }

  /**
   * Length of every sequence.
   *
   * @return (B), not to be changed
   */
  public int[] lengths() {
    return lengths;
  }

  long[] labelledRows() {
    return labelledRows;
  }

  long[] targets() {
    return targets;
  }
}
