package io.github.lora4j.djl.layer;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sequences of any length, concatenated: there is no padding, so linear maps, norms and the loss
 * see real tokens only. N is the number of tokens in all, B the number of sequences.
 *
 * <p>A {@link #shared} batch computes the tokens that several sequences begin with only once. It is
 * laid out in pieces: such a prefix, then what each of its sequences goes on with. Only attention
 * and the rows that predict labels know of it.
 */
public final class TokenBatch {

  /** Label of a position that does not count. */
  public static final int IGNORE = -100;

  private final long[] tokens;
  private final int[] lengths;
  private final Pieces pieces;
  private final LabelledRows labels;
  private final @Nullable TokenBatch unshared;

  private TokenBatch(
      long[] tokens,
      int[] lengths,
      Pieces pieces,
      LabelledRows labels,
      @Nullable TokenBatch unshared) {
    this.tokens = tokens;
    this.lengths = lengths;
    this.pieces = pieces;
    this.labels = labels;
    this.unshared = unshared;
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
          labelledRows[labelled] = (long) start + t - 1;
          targets[labelled++] = labels.get(b)[t];
        }
      }
      start += row.length;
    }
    int[] lengths = rows.stream().mapToInt(row -> row.length).toArray();
    LabelledRows all =
        LabelledRows.single(
            Arrays.copyOf(labelledRows, labelled), Arrays.copyOf(targets, labelled));
    return new TokenBatch(tokens, lengths, Pieces.of(lengths), all, null);
  }

  /**
   * The same sequences and labels, with what several of them begin with computed once, where that
   * is at least {@link SharedPrefixes#SHORTEST} tokens. Loss and gradients are those of this batch,
   * but for rounding: a label within the common tokens counts once for every sequence, and the
   * first token after them is predicted from the last of them once for every sequence.
   *
   * <p>That holds without dropout, whose masks differ between sequences: {@link Pass#training}
   * falls back to the unshared batch if the adapter drops out. All sequences must see the same
   * adapter, and a cache takes no such batch.
   *
   * @return the shared batch, or this one if no sequences have enough in common
   */
  public TokenBatch shared() {
    if (isShared()) {
      return this;
    }
    List<SharedPrefixes.Group> groups = SharedPrefixes.of(this);
    if (groups.size() == rows()) {
      return this;
    }
    Pieces shared = Pieces.sharing(lengths, groups);
    long[] fewer = new long[shared.size()];
    for (int i = 0; i < tokens.length; i++) {
      fewer[shared.places()[i]] = tokens[i];
    }
    return new TokenBatch(fewer, lengths, shared, labels.moved(shared.places()), this);
  }

  /**
   * The same sequences one after the other.
   *
   * @return the batch that {@link #shared} was called on, or this one
   */
  public TokenBatch unshared() {
    return unshared == null ? this : unshared;
  }

  /**
   * Whether common tokens are computed once.
   *
   * @return true if there is less to compute than the sequences are long
   */
  public boolean isShared() {
    return unshared != null;
  }

  /**
   * Tokens in all, common ones counted once if they are shared.
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
   * Labels to be predicted, those of shared tokens counted for every sequence; what a loss is
   * normalised by.
   *
   * @return the count
   */
  public int labelCount() {
    return Arrays.stream(labels.counts()).sum();
  }

  /**
   * Positions that reach the vocabulary: less than the labels where tokens are shared.
   *
   * @return at most N
   */
  public int scoredPositions() {
    return Math.min(labels.counts().length, size());
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
   * Length of every sequence, shared tokens included.
   *
   * @return (B), not to be changed
   */
  public int[] lengths() {
    return lengths;
  }

  Pieces pieces() {
    return pieces;
  }

  /** Where every token stands in its sequences, (N). */
  int[] positions() {
    int[] positions = new int[size()];
    forEachToken((place, position, length) -> positions[place] = position);
    return positions;
  }

  /** How long every token's sequence is, (N); of shared tokens the longest. */
  int[] lengthsOfTokens() {
    int[] longest = new int[size()];
    forEachToken((place, position, length) -> longest[place] = Math.max(longest[place], length));
    return longest;
  }

  @FunctionalInterface
  private interface TokenUse {
    void accept(int place, int position, int length);
  }

  private void forEachToken(TokenUse use) {
    int token = 0;
    for (int length : lengths) {
      for (int position = 0; position < length; position++) {
        use.accept(pieces.places()[token++], position, length);
      }
    }
  }

  /** Which rows of hidden states predict which labels. */
  LabelledRows labels() {
    return labels;
  }

  /** Where the tokens of a run of sequences begin or end: after so many sequences. */
  int tokensOf(int sequences) {
    if (isShared() && sequences != 0 && sequences != rows()) {
      throw new IllegalArgumentException(
          "a batch that shares passages is for one adapter, or none, in all of its %d sequences"
              .formatted(rows()));
    }
    return sequences == rows() ? size() : Arrays.stream(lengths, 0, sequences).sum();
  }
}
