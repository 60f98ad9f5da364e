package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.djl.Siblings;
import io.github.lora4j.djl.layer.SharedPrefixes.Group;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class SharedPrefixesTest {

  private static final int VOCABULARY = 1000;

  private static List<Group> groups(List<int[]> rows) {
    return SharedPrefixes.of(TokenBatch.of(rows, rows));
  }

  private static Group group(int prefix, Integer... rows) {
    return new Group(List.of(rows), prefix);
  }

  @Test
  void siblingsAreFoundWhereverTheyStand() {
    List<int[]> rows =
        Siblings.rows(
            1, VOCABULARY, new int[] {20, 3, 5, 1}, new int[] {0, 9}, new int[] {16, 2, 2});
    List<int[]> mixed = new ArrayList<>();
    for (int row : new int[] {4, 0, 3, 1, 5, 2}) {
      mixed.add(rows.get(row));
    }

    assertThat(groups(mixed)).containsExactly(group(16, 0, 4), group(20, 1, 3, 5), group(0, 2));
  }

  @Test
  void fewTokensAreNotWorthSharing() {
    assertThat(groups(Siblings.rows(2, VOCABULARY, new int[] {15, 3, 4})))
        .containsExactly(group(0, 0), group(0, 1));
  }

  @Test
  void everySequenceKeepsATokenOfItsOwn() {
    int[] passage = Siblings.rows(3, VOCABULARY, new int[] {17, 0}).get(0);
    int[] longer = Siblings.join(passage, new int[] {1, 2, 3});

    assertThat(groups(List.of(passage, passage, passage))).containsExactly(group(16, 0, 1, 2));
    assertThat(groups(List.of(longer, passage))).containsExactly(group(16, 0, 1));
  }

  @Test
  void groupingSavesMostTokens() {
    int[] template = Siblings.rows(4, VOCABULARY, new int[] {18, 0}).get(0);
    List<int[]> rows = new ArrayList<>();
    for (int[] row : Siblings.rows(5, VOCABULARY, new int[] {30, 2, 2}, new int[] {0, 5, 5, 5})) {
      rows.add(Siblings.join(template, row));
    }

    // one group of all five would save 4 · 18 tokens, these two 48 + 2 · 18
    assertThat(groups(rows)).containsExactly(group(48, 0, 1), group(18, 2, 3, 4));
  }

  /** Against all groupings of small batches. */
  @Test
  void noOtherGroupingSavesMore() {
    Random random = new Random(6);
    for (int round = 0; round < 40; round++) {
      List<int[]> rows = new ArrayList<>();
      int[][] stems = {random.ints(60, 0, 9).toArray(), random.ints(60, 0, 9).toArray()};
      System.arraycopy(stems[0], 0, stems[1], 0, 10 + random.nextInt(15));
      for (int i = 0; i < 7; i++) {
        int[] row = Arrays.copyOf(stems[random.nextInt(2)], 17 + random.nextInt(40));
        row[random.nextInt(row.length)] = 9;
        rows.add(row);
      }
      int[] lengths = rows.stream().mapToInt(row -> row.length).toArray();

      int tokens = groups(rows).stream().mapToInt(group -> group.tokens(lengths)).sum();

      assertThat(tokens).as("round %d", round).isEqualTo(fewest(rows, new ArrayList<>(), 0));
    }
  }

  /** Puts one sequence after the other into each group there is, or into one of its own. */
  private static int fewest(List<int[]> rows, List<List<int[]>> groups, int next) {
    if (next == rows.size()) {
      return groups.stream().mapToInt(SharedPrefixesTest::tokens).sum();
    }
    int fewest = Integer.MAX_VALUE;
    for (int i = 0; i <= groups.size(); i++) {
      List<List<int[]>> extended = new ArrayList<>();
      groups.forEach(group -> extended.add(new ArrayList<>(group)));
      if (i == groups.size()) {
        extended.add(new ArrayList<>());
      }
      extended.get(i).add(rows.get(next));
      fewest = Math.min(fewest, fewest(rows, extended, next + 1));
    }
    return fewest;
  }

  private static int tokens(List<int[]> group) {
    int shortest = group.stream().mapToInt(row -> row.length).min().orElseThrow();
    int prefix = 0;
    while (prefix < shortest - 1 && sameAt(group, prefix)) {
      prefix++;
    }
    int shared = prefix < SharedPrefixes.SHORTEST ? 0 : prefix;
    return group.stream().mapToInt(row -> row.length).sum() - shared * (group.size() - 1);
  }

  private static boolean sameAt(List<int[]> group, int position) {
    return group.stream().allMatch(row -> row[position] == group.get(0)[position]);
  }

  @Test
  void groupingDoesNotDependOnTheOrderOfTheBatch() {
    List<int[]> rows = Siblings.rows(7, VOCABULARY, new int[] {20, 1, 2, 3}, new int[] {17, 4, 4});
    int before = SharedPrefixes.of(TokenBatch.of(rows, rows)).size();
    Collections.reverse(rows);

    assertThat(groups(rows)).hasSize(before).contains(group(17, 0, 1), group(20, 2, 3, 4));
  }
}
