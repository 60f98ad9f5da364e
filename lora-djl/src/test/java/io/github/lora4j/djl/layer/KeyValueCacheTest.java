package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.djl.train.ManagedArrays;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Steps on a cache against passes over the whole rows. */
final class KeyValueCacheTest {

  private static CausalLm load(String name, Precision precision) throws IOException {
    return CausalLm.load(
        Path.of("src/test/resources/golden/bloom", name, "checkpoint"),
        LoadOptions.builder().precision(precision).build());
  }

  /** In bf16 the two ways round differently in every layer. */
  @ParameterizedTest
  @CsvSource({"power-of-two, FP32, 2e-5", "six-heads, FP32, 2e-5", "power-of-two, BF16, 0.15"})
  void stepsAfterRowsLeftAndRoomGrewEqualWholePasses(
      String name, Precision precision, double tolerance) throws IOException {
    Random random = new Random(21);
    List<int[]> rows = new ArrayList<>();
    for (int length : new int[] {3, 7, 1, 5}) {
      rows.add(random.ints(length, 0, 101).toArray());
    }

    try (CausalLm base = load(name, precision);
        KeyValueCache cache = base.decoder().newCache(4, 8)) {
      assertStep(base, cache, rows, rows, tolerance);
      rows = step(base, cache, rows, random, tolerance);
      cache.keep(new int[] {0, 2, 3});
      rows = List.of(rows.get(0), rows.get(2), rows.get(3));
      rows = step(base, cache, rows, random, tolerance);
      cache.grow(11);
      rows = step(base, cache, rows, random, tolerance);
      rows = step(base, cache, rows, random, tolerance);
      cache.keep(new int[] {1});
      rows = step(base, cache, List.of(rows.get(1)), random, tolerance);

      assertThat(cache.rows()).isEqualTo(1);
      assertThat(cache.lengths()).containsExactly(6);
      assertThat(cache.capacity()).isEqualTo(11);
    }
  }

  /** In bf16 the two ways round differently in every layer. */
  @ParameterizedTest
  @CsvSource({"power-of-two, FP32, 2e-5", "six-heads, FP32, 2e-5", "power-of-two, BF16, 0.15"})
  void rowsThatJoinARunningCacheEqualWholePasses(String name, Precision precision, double tolerance)
      throws IOException {
    Random random = new Random(22);
    List<int[]> rows = prompts(random, 3, 6, 2);
    List<int[]> newcomers = prompts(random, 1, 9);
    List<int[]> last = prompts(random, 4);

    try (CausalLm base = load(name, precision)) {
      int before = ManagedArrays.below(base.decoder().manager());
      try (KeyValueCache cache = base.decoder().newCache(3, 8)) {
        assertStep(base, cache, rows, rows, tolerance);
        rows = step(base, cache, rows, random, tolerance);
        int filled = ManagedArrays.below(base.decoder().manager());
        try (KeyValueCache prompts = base.decoder().newCache(2, 9)) {
          assertStep(base, prompts, newcomers, newcomers, tolerance);
          cache.join(new int[] {0, 2}, prompts, new int[] {0, 1}, 12);
        }
        assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(filled);
        rows = List.of(rows.get(0), rows.get(2), newcomers.get(0), newcomers.get(1));
        rows = step(base, cache, rows, random, tolerance);
        rows = step(base, cache, rows, random, tolerance);
        try (KeyValueCache prompts = base.decoder().newCache(1, 4)) {
          assertStep(base, prompts, last, last, tolerance);
          cache.join(new int[] {0, 1, 2}, prompts, new int[] {0}, 7);
        }
        rows = List.of(rows.get(0), rows.get(1), rows.get(2), last.get(0));
        step(base, cache, rows, random, tolerance);

        assertThat(cache.lengths()).containsExactly(7, 6, 4, 5);
        assertThat(cache.capacity()).isEqualTo(7);
      }
      assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(before);
    }
  }

  @Test
  void joiningRefusesLessRoomThanItsRowsTake() throws IOException {
    try (CausalLm base = load("power-of-two", Precision.FP32);
        KeyValueCache cache = base.decoder().newCache(1, 8);
        KeyValueCache other = base.decoder().newCache(1, 8)) {
      cache.advance(new int[] {3});
      other.advance(new int[] {5});

      assertThatThrownBy(() -> cache.join(new int[] {0}, other, new int[] {0}, 4))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("a row holds 5 tokens, room for 4 was asked for");
      cache.join(new int[] {0}, other, new int[] {}, 4);
      assertThat(cache.lengths()).containsExactly(3);
    }
  }

  private static List<int[]> prompts(Random random, int... lengths) {
    return Arrays.stream(lengths).mapToObj(n -> random.ints(n, 0, 101).toArray()).toList();
  }

  private static List<int[]> step(
      CausalLm base, KeyValueCache cache, List<int[]> rows, Random random, double tolerance) {
    List<int[]> longer = new ArrayList<>();
    List<int[]> added = new ArrayList<>();
    for (int[] row : rows) {
      int[] next = {random.nextInt(101)};
      int[] all = Arrays.copyOf(row, row.length + 1);
      all[row.length] = next[0];
      longer.add(all);
      added.add(next);
    }
    assertStep(base, cache, added, longer, tolerance);
    return longer;
  }

  private static void assertStep(
      CausalLm base, KeyValueCache cache, List<int[]> added, List<int[]> rows, double tolerance) {
    Decoder decoder = base.decoder();
    TokenBatch batch = TokenBatch.of(added.toArray(int[][]::new));
    float[] scores;
    try (Pass pass = Pass.cached(decoder.manager(), batch, List.of(), cache)) {
      scores = decoder.logits(pass, true).toFloatArray();
    }
    cache.advance(batch.lengths());
    for (int row = 0; row < rows.size(); row++) {
      float[][] whole = base.logits(rows.get(row))[0];
      float[] expected = whole[whole.length - 1];
      for (int id = 0; id < expected.length; id++) {
        assertThat(scores[row * expected.length + id])
            .as("row %d, id %d", row, id)
            .isCloseTo(expected[id], within((float) tolerance));
      }
    }
  }

  @Test
  void fullCacheRefusesAnotherToken() throws IOException {
    try (CausalLm base = load("power-of-two", Precision.FP32);
        KeyValueCache cache = base.decoder().newCache(1, 2)) {
      TokenBatch batch = TokenBatch.of(new int[] {5, 6, 7});

      assertThatThrownBy(
              () -> Pass.cached(base.decoder().manager(), batch, List.of(), cache).close())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("row 0 would hold 3 tokens, the cache has room for 2");
    }
  }
}
