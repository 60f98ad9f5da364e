package io.github.lora4j.djl.layer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Which sequences of a batch should share their first tokens: the grouping that saves most tokens,
 * found by the tokens alone. Sequences with a common beginning are neighbours when sorted; those
 * with more in common are parts of those with less, a tree. In each part, what is not grouped
 * further down either becomes a group or is left to one further up.
 */
public final class SharedPrefixes {

  /** Fewer common tokens than this are computed for each sequence: a piece has its own cost. */
  public static final int SHORTEST = 16;

  /**
   * Sequences that share a prefix, or one that shares none.
   *
   * @param rows indices of the sequences in the batch, rising
   * @param prefix number of common tokens, each sequence having at least one more; 0 for a sequence
   *     alone
   */
  public record Group(List<Integer> rows, int prefix) {

    /**
     * Tokens that are computed for the group.
     *
     * @param lengths of the sequences of the batch
     * @return the prefix once and what follows it in every sequence
     */
    public int tokens(int[] lengths) {
      return prefix + rows.stream().mapToInt(row -> lengths[row] - prefix).sum();
    }
  }

  /** Neighbours in sorted order, and what those of them that stay loose share further up. */
  private record Part(int first, int end, int outer) {}

  /** Tokens saved, the groups that do it, and the sequences left to a group further up. */
  private record Plan(int saved, List<Group> groups, List<Integer> loose) {

    Plan and(Plan other) {
      List<Group> bothGroups = new ArrayList<>(groups);
      bothGroups.addAll(other.groups);
      List<Integer> bothLoose = new ArrayList<>(loose);
      bothLoose.addAll(other.loose);
      return new Plan(saved + other.saved, bothGroups, bothLoose);
    }

    /** The loose ones made a group, whose prefix has to be computed once. */
    Plan closed(int prefix) {
      List<Group> more = new ArrayList<>(groups);
      more.add(new Group(loose.stream().sorted().toList(), prefix));
      return new Plan(saved - prefix, more, List.of());
    }
  }

  private final long[] tokens;
  private final int[] lengths;
  private final int[] starts;
  private final Integer[] sorted;
  private final int[] common; // with the one before, in sorted order
  private final Map<Part, Plan> plans = new HashMap<>();

  private SharedPrefixes(TokenBatch batch) {
    this.tokens = batch.tokens();
    this.lengths = batch.lengths();
    this.starts = new int[lengths.length];
    for (int row = 1; row < starts.length; row++) {
      starts[row] = starts[row - 1] + lengths[row - 1];
    }
    this.sorted = new Integer[lengths.length];
    Arrays.setAll(sorted, row -> row);
    Arrays.sort(sorted, this::compare); // stable: equal sequences keep their order
    this.common = new int[lengths.length];
    for (int i = 1; i < common.length; i++) {
      common[i] = common(sorted[i - 1], sorted[i]);
    }
  }

  /**
   * Groups the sequences of a batch.
   *
   * @param batch any batch
   * @return groups in the order of their first sequences, every sequence in one
   */
  public static List<Group> of(TokenBatch batch) {
    return new SharedPrefixes(batch.unshared()).groups();
  }

  private List<Group> groups() {
    List<Group> groups = new ArrayList<>();
    Plan plan = best(new Part(0, sorted.length, 0));
    plan.loose.forEach(row -> groups.add(new Group(List.of(row), 0)));
    groups.addAll(plan.groups);
    groups.sort(Comparator.comparingInt(group -> group.rows().get(0)));
    return groups;
  }

  /** Either all of a part that is not grouped further down becomes a group, or none of it. */
  private Plan best(Part part) {
    Plan known = plans.get(part);
    if (known != null) {
      return known;
    }
    Plan best;
    if (part.end - part.first == 1) {
      best = new Plan(part.outer, List.of(), List.of(sorted[part.first]));
    } else {
      int prefix = Arrays.stream(common, part.first + 1, part.end).min().orElse(0);
      best = join(part, prefix, part.outer);
      if (prefix >= SHORTEST) {
        Plan inner = join(part, prefix, prefix);
        if (inner.saved - prefix > best.saved) {
          best = inner.closed(prefix);
        }
      }
    }
    plans.put(part, best);
    return best;
  }

  /** The best of the parts whose sequences have more in common than the whole. */
  private Plan join(Part part, int prefix, int outer) {
    Plan joined = new Plan(0, List.of(), List.of());
    int first = part.first;
    for (int end = first + 1; end <= part.end; end++) {
      if (end == part.end || common[end] == prefix) {
        joined = joined.and(best(new Part(first, end, outer)));
        first = end;
      }
    }
    return joined;
  }

  private int compare(int a, int b) {
    return Arrays.compare(
        tokens, starts[a], starts[a] + lengths[a], tokens, starts[b], starts[b] + lengths[b]);
  }

  /** Tokens that two sequences share, leaving each at least one of its own. */
  private int common(int a, int b) {
    int most = Math.min(lengths[a], lengths[b]) - 1;
    int mismatch =
        Arrays.mismatch(tokens, starts[a], starts[a] + most, tokens, starts[b], starts[b] + most);
    return mismatch < 0 ? most : mismatch;
  }
}
