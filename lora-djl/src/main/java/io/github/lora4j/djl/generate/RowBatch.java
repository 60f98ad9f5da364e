package io.github.lora4j.djl.generate;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.layer.AdapterSegment;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.KeyValueCache;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.djl.model.Decoder;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Rows that run at once, a token each a step. Rows may join between two steps, their prompts in one
 * pass without padding, and leave the batch and its memory when they have ended.
 *
 * <p>Whatever goes wrong ends the rows that it befell, never the batch: {@link Row#failure}. Not
 * thread-safe.
 */
final class RowBatch implements AutoCloseable {

  /** New tokens that a row has room for at first, so that a generous limit costs nothing. */
  private static final int FIRST_ROOM = 128;

  private final Decoder decoder;
  private List<Row> rows = List.of();
  private @Nullable KeyValueCache cache; // of the rows; null if there are none
  private long tokens;

  /**
   * A batch without rows, which holds no memory.
   *
   * @param decoder the base
   */
  RowBatch(Decoder decoder) {
    this.decoder = decoder;
  }

  /**
   * Rows of one adapter next to each other, so that each layer adds few low-rank updates, and
   * prompts of like length together, so that a cache has little to spare.
   *
   * @param rows in any order
   * @return the same rows
   */
  static List<Row> grouped(List<Row> rows) {
    Map<Optional<AdapterWeights>, Integer> order = new HashMap<>();
    rows.forEach(row -> order.putIfAbsent(row.adapter(), order.size()));
    return rows.stream()
        .sorted(
            Comparator.comparing((Row row) -> Objects.requireNonNull(order.get(row.adapter())))
                .thenComparing(Row::promptLength))
        .toList();
  }

  /** Whether a row has not ended. */
  boolean isRunning() {
    return rows.stream().anyMatch(row -> !row.done());
  }

  /** Tokens chosen in all. */
  long tokens() {
    return tokens;
  }

  /**
   * Takes rows in: reads their prompts and chooses the first token of each. If they cannot be read
   * in one pass, each is read alone, so that one that asks too much harms no other.
   *
   * @param newcomers those of one adapter next to each other; the caller holds the adapters
   */
  void join(List<Row> newcomers) {
    if (newcomers.isEmpty()) {
      return;
    }
    int longest = newcomers.stream().mapToInt(Row::promptLength).max().orElse(0);
    try (KeyValueCache prompts = decoder.newCache(newcomers.size(), longest)) {
      read(newcomers, prompts);
      take(newcomers, prompts);
    } catch (RuntimeException e) {
      if (newcomers.size() > 1 && newcomers.stream().allMatch(row -> row.added() == 0)) {
        newcomers.forEach(row -> join(List.of(row)));
      } else {
        newcomers.forEach(row -> row.fail(e));
      }
    }
  }

  private void take(List<Row> newcomers, KeyValueCache prompts) {
    int[] stay = running(rows);
    int[] come = running(newcomers);
    List<Row> all = Stream.concat(pick(rows, stay), pick(newcomers, come)).toList();
    if (all.isEmpty()) {
      clear();
      return;
    }
    try {
      if (cache == null) {
        cache = decoder.newCache(0, 0);
      }
      int[] lengths =
          IntStream.concat(
                  Arrays.stream(stay).map(row -> lengths()[row]),
                  Arrays.stream(come).map(row -> newcomers.get(row).promptLength()))
              .toArray();
      cache.join(stay, prompts, come, room(all, lengths, FIRST_ROOM));
      rows = all;
    } catch (RuntimeException e) {
      all.forEach(row -> row.fail(e));
      clear();
    }
  }

  /** Chooses a token for every row, after letting those go that have ended. */
  void step() {
    try {
      dropEnded();
      if (cache != null) {
        int longest = Arrays.stream(lengths()).max().orElse(0);
        if (longest == cache.capacity()) {
          cache.grow(room(rows, lengths(), Math.max(longest, FIRST_ROOM)));
        }
        read(rows, cache);
      }
    } catch (RuntimeException e) {
      rows.forEach(row -> row.fail(e));
      clear();
    }
  }

  /** Lets ended rows go and gives their memory back. */
  void dropEnded() {
    int[] left = running(rows);
    if (left.length == 0) {
      clear();
    } else if (left.length < rows.size() && cache != null) {
      List<Row> kept = pick(rows, left).toList();
      int[] lengths = Arrays.stream(left).map(row -> lengths()[row]).toArray();
      cache.keep(left, room(kept, lengths, FIRST_ROOM));
      rows = kept;
    }
  }

  /** Chooses the next token of each row from what it has not read yet. */
  private void read(List<Row> readers, KeyValueCache seen) {
    TokenBatch batch = TokenBatch.of(readers.stream().map(Row::input).toArray(int[][]::new));
    List<AdapterSegment> segments = AdapterSegment.of(readers.stream().map(Row::adapter).toList());
    boolean onlyBest = readers.stream().allMatch(Row::onlyBest);
    List<Sampler.Best> best = List.of();
    float[] scores = {};
    int vocabulary = 0; // the largest of the rows'
    try (Pass pass = Pass.cached(decoder.manager(), batch, segments, seen)) {
      NDArray logits = decoder.logits(pass, true); // (B, V)
      if (onlyBest) {
        best = Sampler.best(logits);
      } else {
        scores = logits.toFloatArray();
        vocabulary = Math.toIntExact(logits.getShape().get(1));
      }
    }
    seen.advance(batch.lengths());
    tokens += readers.size();
    for (int row = 0; row < readers.size(); row++) {
      if (onlyBest) {
        readers.get(row).accept(best.get(row));
      } else {
        int start = row * vocabulary;
        readers.get(row).accept(Arrays.copyOfRange(scores, start, start + vocabulary));
      }
    }
  }

  /** Tokens that every row must have room for, when each may go on by a number of tokens. */
  private static int room(List<Row> rows, int[] lengths, int further) {
    return IntStream.range(0, rows.size())
        .map(row -> Math.addExact(lengths[row], Math.min(further, rows.get(row).remaining())))
        .max()
        .orElse(0);
  }

  private int[] lengths() {
    return cache == null ? new int[0] : cache.lengths();
  }

  private static int[] running(List<Row> rows) {
    return IntStream.range(0, rows.size()).filter(row -> !rows.get(row).done()).toArray();
  }

  private static Stream<Row> pick(List<Row> rows, int[] indices) {
    return Arrays.stream(indices).mapToObj(rows::get);
  }

  private void clear() {
    rows = List.of();
    if (cache != null) {
      cache.close();
      cache = null;
    }
  }

  @Override
  public void close() {
    clear();
  }
}
