package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.PeftModel;
import io.github.lora4j.ReducedAdapter;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Combined and merged adapters against PEFT 0.21, made by {@code tools/golden/combining.py}. */
final class CombiningGoldenTest {

  private static final Path BLOOM = Path.of("src/test/resources/golden/bloom");

  /** PEFT's own tests allow 1e-4 between merged and unmerged, and for weighted sums. */
  private static final float FP32 = 1e-4f;

  @TempDir Path temp;

  private static final class Case {
    final Path directory;
    final JsonObject manifest;
    final Map<String, TensorData> expected;

    Case(String name) throws IOException {
      directory = BLOOM.resolve("combining").resolve(name);
      expected = GoldenTensors.read(directory.resolve("expected.safetensors"));
      manifest =
          JsonParser.parseString(Files.readString(directory.resolve("manifest.json")))
              .getAsJsonObject();
    }

    double[] numbers(String key) {
      return new Gson().fromJson(manifest.get(key), double[].class);
    }

    void assertLogits(String name, CausalLm model, float tolerance) {
      int[][] rows = new Gson().fromJson(manifest.get("rows"), int[][].class);
      assertClose(name, requireNonNull(expected.get(name)), model.logits(rows)[0], tolerance);
    }
  }

  private static void assertClose(
      String name, TensorData expected, float[][] logits, float tolerance) {
    int at = 0;
    for (float[] position : logits) {
      for (float score : position) {
        assertThat(score).as(name).isCloseTo(expected.values()[at++], within(tolerance));
      }
    }
    assertThat(at).isEqualTo(expected.values().length);
  }

  /** PEFT: _test_weighted_combination_of_adapters_lora, {@code cat}. */
  @ParameterizedTest
  @ValueSource(strings = {"rank-4", "rank-8"})
  void sumIsWhatPeftConcatenates(String name) throws IOException {
    Case golden = new Case(name);
    try (CausalLm base = load(Precision.FP32);
        PeftModel<CausalLm> a = PeftModel.fromPretrained(base, golden.directory.resolve("a"));
        PeftModel<CausalLm> b = PeftModel.fromPretrained(base, golden.directory.resolve("b"));
        PeftModel<CausalLm> sum = PeftModel.combine(List.of(a, b), golden.numbers("weights"))) {
      golden.assertLogits("logits/cat", sum.model(), FP32);
      sum.save(temp.resolve("sum"));
      try (PeftModel<CausalLm> loaded = PeftModel.fromPretrained(base, temp.resolve("sum"));
          CausalLm merged = loaded.merge()) {
        golden.assertLogits("logits/cat", loaded.model(), FP32);
        golden.assertLogits("logits/merged-cat", merged, FP32);
      }
    }
  }

  /** PEFT: _test_weighted_combination_of_adapters_lora, {@code svd}. */
  @ParameterizedTest
  @ValueSource(strings = {"rank-4", "rank-8"})
  void reductionIsTheOneOfPeft(String name) throws IOException {
    Case golden = new Case(name);
    int rank = golden.manifest.get("svd_rank").getAsInt();
    try (CausalLm base = load(Precision.FP32);
        PeftModel<CausalLm> a = PeftModel.fromPretrained(base, golden.directory.resolve("a"));
        PeftModel<CausalLm> b = PeftModel.fromPretrained(base, golden.directory.resolve("b"));
        PeftModel<CausalLm> sum = PeftModel.combine(List.of(a, b), golden.numbers("weights"))) {
      ReducedAdapter<CausalLm> reduced = PeftModel.reduced(sum, rank);
      try (PeftModel<CausalLm> view = reduced.view()) {
        golden.assertLogits("logits/svd", view.model(), FP32);
        assertThat(reduced.relativeError())
            .isCloseTo(golden.manifest.get("svd_error").getAsDouble(), within(1e-6));
        assertThat(view.plan().pairs()).allMatch(pair -> pair.rank() == rank);
      }
    }
  }

  /** PEFT: _test_weighted_combination_of_adapters_lora, one weight scales the delta. */
  @ParameterizedTest
  @ValueSource(strings = {"rank-4", "rank-8"})
  void scalingIsWhatPeftScales(String name) throws IOException {
    Case golden = new Case(name);
    double[] factors = golden.numbers("factors");
    try (CausalLm base = load(Precision.FP32);
        PeftModel<CausalLm> a = PeftModel.fromPretrained(base, golden.directory.resolve("a"))) {
      for (int i = 0; i < factors.length; i++) {
        try (PeftModel<CausalLm> scaled = PeftModel.scaled(a, factors[i])) {
          golden.assertLogits("logits/scaled-" + i, scaled.model(), FP32);
        }
      }
    }
  }

  /**
   * PEFT: _test_merge_layers. PEFT rounds the delta to the base's type before it adds and the sum
   * after, we the sum only; so weights may differ by one unit in the last place: 2⁻⁷ of weights
   * below 4 in bf16, 2⁻¹⁰ in fp16. Logits are around 5; on a CPU, fp16 is only stored here.
   */
  @ParameterizedTest
  @CsvSource({
    "rank-4, FP32, 5e-7, 1e-4", "rank-8, FP32, 5e-7, 1e-4",
    "rank-4, FP16, 2e-3, 2e-2", "rank-8, FP16, 2e-3, 2e-2",
    "rank-4, BF16, 1.6e-2, 1.5e-1", "rank-8, BF16, 1.6e-2, 1.5e-1"
  })
  void mergedIsWhatPeftMerges(String name, Precision precision, float weights, float logits)
      throws IOException {
    Case golden = new Case(name);
    String type = precision.name().toLowerCase(java.util.Locale.ROOT);
    try (CausalLm base = load(precision);
        PeftModel<CausalLm> a = PeftModel.fromPretrained(base, golden.directory.resolve("a"));
        CausalLm merged = a.merge()) {
      TensorData found =
          merged.decoder().parameter("transformer.h.0.self_attention.query_key_value.weight");
      TensorData wanted = requireNonNull(golden.expected.get(type + "/weight"));
      assertThat(found.shape()).isEqualTo(wanted.shape());
      assertThat(found.values()).containsExactly(wanted.values(), within(weights));
      golden.assertLogits(type + "/logits/merged-a", merged, logits);
    }
  }

  /** PEFT: _test_merge_layers, for adapters with own biases, of every map, rank-stabilised. */
  @Test
  void mergedAdaptersOfEveryKindAreThoseOfPeft() throws IOException {
    BloomGolden golden = new BloomGolden("power-of-two");
    Map<String, TensorData> expected =
        GoldenTensors.read(BLOOM.resolve("combining/merged/expected.safetensors"));
    try (CausalLm base = load(Precision.FP32)) {
      for (Map.Entry<String, TensorData> entry : expected.entrySet()) {
        String adapter = entry.getKey().substring("logits/".length());
        Path directory = BLOOM.resolve("power-of-two/adapters").resolve(adapter);
        try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, directory);
            CausalLm merged = peft.merge()) {
          assertClose(adapter, entry.getValue(), merged.logits(golden.rows())[0], FP32);
        }
      }
    }
    assertThat(expected).hasSize(4);
  }

  private static CausalLm load(Precision precision) throws IOException {
    return new BloomGolden("power-of-two").load(precision);
  }
}
