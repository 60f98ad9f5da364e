package io.github.lora4j.djl.layer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which hidden states have to predict which tokens. Each of M predictions names one of U states;
 * there are more predictions than states where sequences that share a state go on with different
 * tokens. They come in rounds: first one for every state, then the second ones, and so on, so that
 * no state is named twice in a round.
 *
 * @param rows of the hidden states, all different, (U)
 * @param states index of the state of each prediction, (M)
 * @param targets token to be predicted, (M)
 * @param counts how many sequences ask for it, (M)
 * @param rounds predictions of each round
 */
@SuppressWarnings("ArrayRecordComponent") // goes to kernels as it is, equality is never asked for
record LabelledRows(long[] rows, long[] states, long[] targets, int[] counts, int[] rounds) {

  private record Prediction(long state, long target, int count) {}

  /** Every state belongs to one sequence. */
  static LabelledRows single(long[] rows, long[] targets) {
    long[] states = new long[rows.length];
    Arrays.setAll(states, i -> i);
    int[] counts = new int[rows.length];
    Arrays.fill(counts, 1);
    return new LabelledRows(rows, states, targets, counts, new int[] {rows.length});
  }

  /** The labels of single states that now stand elsewhere, several of them in one place. */
  LabelledRows moved(int[] places) {
    Map<Long, Map<Long, Integer>> followers = new LinkedHashMap<>();
    for (int i = 0; i < rows.length; i++) {
      long row = places[Math.toIntExact(rows[i])];
      followers
          .computeIfAbsent(row, state -> new LinkedHashMap<>())
          .merge(targets[i], counts[i], Integer::sum);
    }
    List<List<Prediction>> byRound = new ArrayList<>();
    long state = 0;
    for (Map<Long, Integer> ofState : followers.values()) {
      int round = 0;
      for (Map.Entry<Long, Integer> follower : ofState.entrySet()) {
        if (round == byRound.size()) {
          byRound.add(new ArrayList<>());
        }
        byRound.get(round++).add(new Prediction(state, follower.getKey(), follower.getValue()));
      }
      state++;
    }
    List<Prediction> all = byRound.stream().flatMap(List::stream).toList();
    return new LabelledRows(
        followers.keySet().stream().mapToLong(Long::longValue).toArray(),
        all.stream().mapToLong(Prediction::state).toArray(),
        all.stream().mapToLong(Prediction::target).toArray(),
        all.stream().mapToInt(Prediction::count).toArray(),
        byRound.stream().mapToInt(List::size).toArray());
  }

  /** Whether there is one prediction for every state, in order. */
  boolean isSingle() {
    return rounds.length <= 1;
  }

  /** What each prediction counts in the loss, (M). */
  double[] weights(double scale) {
    return Arrays.stream(counts).mapToDouble(count -> count * scale).toArray();
  }
}
