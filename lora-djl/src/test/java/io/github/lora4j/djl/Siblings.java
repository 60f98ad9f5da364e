package io.github.lora4j.djl;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Sequences that begin with the same tokens, as questions on one passage do. */
public final class Siblings {

  private Siblings() {}

  /**
   * Random sequences, group after group.
   *
   * @param seed of the tokens
   * @param vocabulary ids to choose from
   * @param groups for each the length of what its sequences begin with, then how many tokens each
   *     of them goes on with
   * @return all sequences
   */
  public static List<int[]> rows(long seed, int vocabulary, int[]... groups) {
    SplittableRandom random = new SplittableRandom(seed);
    List<int[]> rows = new ArrayList<>();
    for (int[] group : groups) {
      int[] passage = random.ints(group[0], 0, vocabulary).toArray();
      for (int i = 1; i < group.length; i++) {
        int[] question = random.ints(group[i], 0, vocabulary).toArray();
        rows.add(join(passage, question));
      }
    }
    return rows;
  }

  /**
   * One sequence after the other.
   *
   * @param first tokens
   * @param second tokens
   * @return both
   */
  public static int[] join(int[] first, int[] second) {
    return IntStream.concat(IntStream.of(first), IntStream.of(second)).toArray();
  }
}
