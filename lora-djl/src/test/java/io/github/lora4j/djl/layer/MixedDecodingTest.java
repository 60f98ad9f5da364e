package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.train.ManagedArrays;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A batch under many adapters, decoded on a cache: against whole passes, row by row. */
final class MixedDecodingTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/bloom");

  /** A text that grows, and the model that it grows under. */
  private static final class Text {
    final CausalLm model;
    final int[] ids;

    Text(CausalLm model, int[] ids) {
      this.model = model;
      this.ids = ids;
    }

    Text with(int id) {
      int[] longer = Arrays.copyOf(ids, ids.length + 1);
      longer[ids.length] = id;
      return new Text(model, longer);
    }
  }

  /** In bf16 the two ways round differently in every layer. */
  @ParameterizedTest
  @CsvSource({
    "power-of-two, adapters/attention, FP32, true, 5e-5",
    "power-of-two, adapters/attention, FP32, false, 5e-5",
    "power-of-two, ../dora/patterns/adapter, FP32, true, 5e-5",
    "power-of-two, ../dora/patterns/adapter, FP32, false, 5e-5",
    "six-heads, adapters/attention, FP32, true, 5e-5",
    "power-of-two, adapters/attention, BF16, true, 0.2",
    "power-of-two, ../dora/patterns/adapter, BF16, true, 0.2",
    "power-of-two, adapters/attention, BF16, false, 0.2"
  })
  void rowsThatLeaveAndGrowEqualWholePassesUnderTheirOwnAdapter(
      String name, String last, Precision precision, boolean gather, double tolerance)
      throws IOException {
    Path golden = GOLDEN.resolve(name);
    try (CausalLm base =
            CausalLm.load(
                golden.resolve("checkpoint"), LoadOptions.builder().precision(precision).build());
        PeftModel<CausalLm> biased = adapter(base, golden, "adapters/bias-all");
        PeftModel<CausalLm> every = adapter(base, golden, "adapters/every-linear");
        PeftModel<CausalLm> other = adapter(base, golden, last)) {
      Random random = new Random(3);
      List<Text> texts = new ArrayList<>();
      for (CausalLm model :
          List.of(biased.model(), biased.model(), base, every.model(), other.model())) {
        // two prompts of one token, and others
        texts.add(new Text(model, random.ints(1 + texts.size() % 4 * 2, 0, 101).toArray()));
      }
      int before = ManagedArrays.below(base.decoder().manager());

      try (KeyValueCache cache = base.decoder().newCache(5, 9)) {
        assertStep(base, cache, texts, gather, true, tolerance);
        texts = grown(base, cache, texts, random, gather, tolerance);
        int filled = ManagedArrays.below(base.decoder().manager());
        texts = grown(base, cache, texts, random, gather, tolerance);
        assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(filled);
        cache.keep(new int[] {0, 2, 3, 4});
        texts = List.of(texts.get(0), texts.get(2), texts.get(3), texts.get(4));
        cache.grow(14);
        texts = grown(base, cache, texts, random, gather, tolerance);
        cache.keep(new int[] {2, 3});
        texts = grown(base, cache, texts.subList(2, 4), random, gather, tolerance);
        cache.keep(new int[] {0});
        grown(base, cache, texts.subList(0, 1), random, gather, tolerance);
      }

      assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(before);
    }
  }

  private static PeftModel<CausalLm> adapter(CausalLm base, Path golden, String name)
      throws IOException {
    return PeftModel.fromPretrained(base, golden.resolve(name));
  }

  private static List<Text> grown(
      CausalLm base,
      KeyValueCache cache,
      List<Text> texts,
      Random random,
      boolean gather,
      double tolerance) {
    List<Text> longer = texts.stream().map(text -> text.with(random.nextInt(101))).toList();
    assertStep(base, cache, longer, gather, false, tolerance);
    return longer;
  }

  private static void assertStep(
      CausalLm base,
      KeyValueCache cache,
      List<Text> texts,
      boolean gather,
      boolean whole,
      double tolerance) {
    List<AdapterSegment> segments = new ArrayList<>();
    int[][] added = new int[texts.size()][];
    for (int row = 0; row < added.length; row++) {
      int[] ids = texts.get(row).ids;
      added[row] = whole ? ids : new int[] {ids[ids.length - 1]};
      int index = row;
      texts
          .get(row)
          .model
          .adapter()
          .ifPresent(adapter -> segments.add(new AdapterSegment(adapter, index, 1)));
    }
    TokenBatch batch = TokenBatch.of(added);
    float[] scores;
    try (Pass pass = Pass.cached(base.decoder().manager(), batch, segments, cache, gather)) {
      scores = base.decoder().logits(pass, true).toFloatArray();
    }
    cache.advance(batch.lengths());
    int vocabulary = base.decoder().vocabulary();
    for (int row = 0; row < added.length; row++) {
      float[][] expected = texts.get(row).model.logits(texts.get(row).ids)[0];
      LayerLab.assertClose(
          LayerLab.rows(scores, vocabulary, row, 1), expected[expected.length - 1], tolerance);
    }
  }
}
