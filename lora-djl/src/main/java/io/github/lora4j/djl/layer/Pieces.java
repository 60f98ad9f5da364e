package io.github.lora4j.djl.layer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How the tokens of a batch are laid out: pieces one after the other, each a whole sequence, a
 * prefix that several sequences share, or what a sequence goes on with after such a prefix.
 *
 * @param lengths tokens of every piece
 * @param parents index of the piece that a piece continues, {@link #NONE} if it begins a sequence
 * @param places where each token of the unshared batch stands
 * @param ends where the last token of each sequence stands, (B)
 */
@SuppressWarnings("ArrayRecordComponent") // goes to kernels as it is, equality is never asked for
record Pieces(int[] lengths, int[] parents, int[] places, int[] ends) {

  /** Parent of a piece that begins a sequence. */
  static final int NONE = -1;

  /** Every sequence is a piece. */
  static Pieces of(int[] lengths) {
    int[] parents = new int[lengths.length];
    Arrays.fill(parents, NONE);
    int[] places = new int[Arrays.stream(lengths).sum()];
    Arrays.setAll(places, i -> i);
    int[] ends = lengths.clone();
    Arrays.parallelPrefix(ends, Integer::sum);
    Arrays.setAll(ends, row -> ends[row] - 1);
    return new Pieces(lengths, parents, places, ends);
  }

  /** Group by group: the prefix, if any, then the rest of each of its sequences. */
  static Pieces sharing(int[] lengths, List<SharedPrefixes.Group> groups) {
    Pieces unshared = of(lengths);
    List<Integer> pieces = new ArrayList<>();
    List<Integer> parents = new ArrayList<>();
    int[] places = new int[unshared.places.length];
    int[] ends = new int[lengths.length];
    int start = 0;
    for (SharedPrefixes.Group group : groups) {
      int prefix = group.prefix();
      int parent = NONE;
      if (prefix > 0) {
        parent = pieces.size();
        pieces.add(prefix);
        parents.add(NONE);
      }
      int own = start + prefix;
      for (int row : group.rows()) {
        int first = unshared.ends[row] + 1 - lengths[row];
        for (int t = 0; t < lengths[row]; t++) {
          places[first + t] = t < prefix ? start + t : own + t - prefix;
        }
        own += lengths[row] - prefix;
        ends[row] = own - 1;
        pieces.add(lengths[row] - prefix);
        parents.add(parent);
      }
      start = own;
    }
    return new Pieces(ints(pieces), ints(parents), places, ends);
  }

  /** Tokens in all. */
  int size() {
    return Arrays.stream(lengths).sum();
  }

  private static int[] ints(List<Integer> values) {
    return values.stream().mapToInt(Integer::intValue).toArray();
  }
}
