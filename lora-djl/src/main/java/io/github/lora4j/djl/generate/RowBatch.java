package io.github.lora4j.djl.generate;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.layer.AdapterSegment;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.KeyValueCache;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.djl.model.Decoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Rows that run at once: all prompts in one pass without padding, then one token a row and pass.
 * Rows that have ended leave the batch and the cache.
 */
final class RowBatch {

  /** New tokens that the cache has room for at first, so that a generous limit costs nothing. */
  private static final int FIRST_ROOM = 128;

  private final Decoder decoder;
  private final int maxNewTokens;
  private final boolean onlyBest;
  private List<Row> rows;

  /**
   * A batch.
   *
   * @param decoder the base
   * @param rows those of one adapter next to each other; the caller holds the adapters
   * @param options how the rows choose and when they stop
   */
  RowBatch(Decoder decoder, List<Row> rows, GenerationOptions options) {
    this.decoder = decoder;
    this.rows = rows;
    this.maxNewTokens = options.maxNewTokens();
    this.onlyBest = options.greedy() && options.repetitionPenalty() == 1;
  }

  /** Runs until all rows have ended. */
  void run() {
    int longest = rows.stream().mapToInt(Row::promptLength).max().orElse(0);
    int room = Math.min(FIRST_ROOM, maxNewTokens);
    try (KeyValueCache cache = decoder.newCache(rows.size(), Math.addExact(longest, room))) {
      step(cache);
      while (dropEnded(cache)) {
        int used = Arrays.stream(cache.lengths()).max().orElse(0);
        if (used == cache.capacity()) {
          cache.grow(Math.addExact(used, used));
        }
        step(cache);
      }
    }
  }

  private void step(KeyValueCache cache) {
    TokenBatch batch = TokenBatch.of(rows.stream().map(Row::input).toArray(int[][]::new));
    float[] scores = {};
    int[] tokens = {};
    int vocabulary = 0;
    try (Pass pass = Pass.cached(decoder.manager(), batch, segments(), cache)) {
      NDArray logits = decoder.logits(pass, true); // (B, V)
      if (onlyBest) {
        tokens = Sampler.best(logits);
      } else {
        scores = logits.toFloatArray();
        vocabulary = Math.toIntExact(logits.getShape().get(1));
      }
    }
    cache.advance(batch.lengths());
    for (int row = 0; row < rows.size(); row++) {
      if (onlyBest) {
        rows.get(row).accept(tokens[row]);
      } else {
        rows.get(row).accept(Arrays.copyOfRange(scores, row * vocabulary, (row + 1) * vocabulary));
      }
    }
  }

  /** Lets ended rows go; false if none is left. */
  private boolean dropEnded(KeyValueCache cache) {
    int[] left = IntStream.range(0, rows.size()).filter(row -> !rows.get(row).done()).toArray();
    if (left.length > 0 && left.length < rows.size()) {
      cache.keep(left);
    }
    rows = rows.stream().filter(row -> !row.done()).toList();
    return !rows.isEmpty();
  }

  private List<AdapterSegment> segments() {
    List<AdapterSegment> segments = new ArrayList<>();
    int first = 0;
    for (int row = 1; row <= rows.size(); row++) {
      Optional<AdapterWeights> adapter = rows.get(first).adapter();
      if (row == rows.size() || !rows.get(row).adapter().equals(adapter)) {
        int start = first;
        int count = row - first;
        adapter.ifPresent(weights -> segments.add(new AdapterSegment(weights, start, count)));
        first = row;
      }
    }
    return segments;
  }
}
