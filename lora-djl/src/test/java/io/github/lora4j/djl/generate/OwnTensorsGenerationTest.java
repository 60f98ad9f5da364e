package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Texts under adapters that bring embeddings, heads, norms or maps of their own, decoded on a
 * cache. PEFT: _test_mixed_adapter_batches.
 */
final class OwnTensorsGenerationTest {

  private static final List<String> ADAPTERS =
      List.of(
          "embedding",
          "head",
          "norms",
          "maps",
          "whole-head",
          "whole-embedding",
          "resized",
          "resized-whole-embedding");

  private static Path directory(String name) {
    return Path.of("src/test/resources/golden/bloom").resolve(name);
  }

  private static CausalLm load(String name) throws IOException {
    return CausalLm.load(
        directory(name).resolve("checkpoint"),
        LoadOptions.builder().precision(Precision.FP32).build());
  }

  /** A cached step equals the last position of a whole pass: the token it gives is the best. */
  @ParameterizedTest
  @ValueSource(strings = {"tied", "untied"})
  void everyRowOfAMixedBatchGetsTheTextOfWholePassesUnderItsAdapter(String name)
      throws IOException {
    GenerationOptions options = GenerationOptions.builder().maxNewTokens(12).build();
    List<PeftModel<CausalLm>> views = new ArrayList<>();
    try (CausalLm base = load(name)) {
      List<GenerationRequest> requests = new ArrayList<>();
      List<String> expected = new ArrayList<>();
      for (String adapter : ADAPTERS) {
        PeftModel<CausalLm> view =
            PeftModel.fromPretrained(base, directory(name).resolve("adapters").resolve(adapter));
        views.add(view);
        String prompt = "the " + adapter;
        requests.add(GenerationRequest.of(prompt).adapter(view));
        expected.add(wholePasses(view.model(), prompt, 12));
      }
      requests.add(2, GenerationRequest.of("a base"));
      expected.add(2, wholePasses(base, "a base", 12));

      List<String> texts = TextGenerator.of(base).generate(requests, options);

      assertThat(texts).isEqualTo(expected);
      assertThat(new HashSet<>(texts)).hasSizeGreaterThan(ADAPTERS.size() / 2);
    } finally {
      views.forEach(PeftModel::close);
    }
  }

  private static String wholePasses(CausalLm model, String prompt, int most) {
    int[] ids = model.tokenizer().encode(prompt);
    int start = ids.length;
    for (int i = 0; i < most; i++) {
      float[][] scores = model.logits(ids)[0];
      int best = 0;
      for (int word = 1; word < model.vocabulary(); word++) {
        best = scores[ids.length - 1][word] > scores[ids.length - 1][best] ? word : best;
      }
      if (best == 2) { // </s>
        break;
      }
      ids = Arrays.copyOf(ids, ids.length + 1);
      ids[ids.length - 1] = best;
    }
    return model.tokenizer().decode(Arrays.copyOfRange(ids, start, ids.length));
  }

  @ParameterizedTest
  @CsvSource({"tied", "untied"})
  void aViewHasTheVocabularyOfItsAdapterAndTheBaseKeepsItsOwn(String name) throws IOException {
    try (CausalLm base = load(name);
        PeftModel<CausalLm> view =
            PeftModel.fromPretrained(base, directory(name).resolve("adapters/resized"))) {
      CausalLm model = view.model();

      assertThat(model.vocabulary()).isEqualTo(107);
      assertThat(base.vocabulary()).isEqualTo(101);
      assertThat(model.logits(new int[] {106})[0][0]).hasSize(107);
      assertThatThrownBy(() -> model.checkIds(new int[] {107}))
          .hasMessageContaining("the vocabulary has ids 0 to 106");
      assertThatThrownBy(() -> base.logits(new int[] {101}))
          .hasMessageContaining("the vocabulary has ids 0 to 100");
      String sampled =
          TextGenerator.of(model)
              .generate(
                  "the cat",
                  GenerationOptions.builder().maxNewTokens(20).temperature(1.5).seed(3).build());
      assertThat(sampled).isNotEmpty();
    }
  }
}
