package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.annotations.SerializedName;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.Precision;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Generation against transformers 5.18 and peft 0.21, token by token. Every token of the checkpoint
 * is one character, and no special token was generated, so that equal texts are equal tokens. The
 * script that recorded the rows also checked that left-padded batches give the same.
 */
final class GenerationGoldenTest {

  private static final class Greedy {
    @SerializedName("prompt_texts")
    List<String> prompts = List.of();

    @SerializedName("max_new_tokens")
    int maxNewTokens;

    List<GreedyCase> cases = List.of();
  }

  private static final class GreedyCase {
    String model = "";

    @SerializedName("repetition_penalty")
    double repetitionPenalty;

    @SerializedName("stop_tokens")
    int[] stopTokens = {};

    @SerializedName("new_tokens")
    List<int[]> tokens = List.of();

    @SerializedName("new_texts")
    List<String> texts = List.of();

    GenerationOptions options(int maxNewTokens) {
      return GenerationOptions.builder()
          .maxNewTokens(maxNewTokens)
          .repetitionPenalty(repetitionPenalty)
          .stopTokens(stopTokens)
          .build();
    }
  }

  private static final class Sampling {
    float[] scores = {};
    int[] context = {};
    List<SamplingCase> cases = List.of();
  }

  private static final class SamplingCase {
    Settings settings = new Settings();
    int[] kept = {};
    double[] probabilities = {};
  }

  private static final class Settings {
    double temperature;

    @SerializedName("top_k")
    int topK;

    @SerializedName("top_p")
    double topP;

    @SerializedName("repetition_penalty")
    double repetitionPenalty;

    GenerationOptions options() {
      return GenerationOptions.builder()
          .temperature(temperature)
          .topK(topK)
          .topP(topP)
          .repetitionPenalty(repetitionPenalty)
          .build();
    }
  }

  @Test
  void greedyTokensOfOneBatchEqualTransformersAndPeft() throws IOException {
    Greedy golden = GoldenBase.read("greedy.json", Greedy.class);
    assertThat(golden.cases).hasSize(6);

    try (CausalLm base = GoldenBase.load();
        PeftModel<CausalLm> peft = GoldenBase.adapter(base, "attention")) {
      for (GreedyCase one : golden.cases) {
        CausalLm model = one.model.equals("base") ? base : peft.model();
        List<GenerationRequest> requests =
            golden.prompts.stream().map(GenerationRequest::of).toList();

        List<String> texts =
            TextGenerator.of(model).generate(requests, one.options(golden.maxNewTokens));

        assertThat(texts).isEqualTo(one.texts);
        for (int row = 0; row < texts.size(); row++) {
          assertThat(base.tokenizer().encode(texts.get(row))).isEqualTo(one.tokens.get(row));
        }
      }
    }
  }

  @Test
  void greedyTokensOfSingleRowsEqualTransformersAndPeft() throws IOException {
    Greedy golden = GoldenBase.read("greedy.json", Greedy.class);

    try (CausalLm base = GoldenBase.load();
        PeftModel<CausalLm> peft = GoldenBase.adapter(base, "attention")) {
      for (GreedyCase one : golden.cases) {
        TextGenerator generator = TextGenerator.of(one.model.equals("base") ? base : peft.model());
        for (int row = 0; row < golden.prompts.size(); row++) {
          String text =
              generator.generate(golden.prompts.get(row), one.options(golden.maxNewTokens));

          assertThat(text).isEqualTo(one.texts.get(row));
        }
      }
    }
  }

  @Test
  void mixedBatchGivesEveryRowWhatItsOwnModelGivesInTransformers() throws IOException {
    Greedy golden = GoldenBase.read("greedy.json", Greedy.class);
    List<String> expected = new ArrayList<>();
    List<GenerationRequest> requests = new ArrayList<>();

    try (CausalLm base = GoldenBase.load();
        PeftModel<CausalLm> peft = GoldenBase.adapter(base, "attention")) {
      for (int row = 0; row < golden.prompts.size(); row++) {
        GenerationRequest request = GenerationRequest.of(golden.prompts.get(row));
        requests.add(request.adapter(peft));
        expected.add(golden.cases.get(3).texts.get(row));
        requests.add(request);
        expected.add(golden.cases.get(0).texts.get(row));
      }

      List<String> texts =
          TextGenerator.of(base)
              .generate(requests, golden.cases.get(0).options(golden.maxNewTokens));

      assertThat(texts).isEqualTo(expected);
    }
  }

  @Test
  void processorsKeepTheTokensAndProbabilitiesOfTransformers() throws IOException {
    Sampling golden = GoldenBase.read("sampling.json", Sampling.class);
    assertThat(golden.cases).hasSize(10);
    BitSet seen = new BitSet();
    for (int token : golden.context) {
      seen.set(token);
    }

    for (SamplingCase one : golden.cases) {
      GenerationOptions options = one.settings.options();
      float[] scores = golden.scores.clone();
      new Sampler(options, 0).penalise(scores, seen);
      float best = scores[Sampler.best(scores)];
      Candidates candidates = Candidates.of(scores, best, options);

      assertThat(candidates.ids()).isEqualTo(one.kept);
      // the reference is a softmax in fp32
      assertThat(candidates.probabilities()).containsExactly(one.probabilities, within(1e-6));
    }
  }

  @Test
  void halfPrecisionGeneratesAndGivesTheSameTextAgain() throws IOException {
    Greedy golden = GoldenBase.read("greedy.json", Greedy.class);
    GenerationOptions options = golden.cases.get(0).options(golden.maxNewTokens);

    for (Precision precision : List.of(Precision.BF16, Precision.FP16)) {
      try (CausalLm base = GoldenBase.load("power-of-two", precision)) {
        TextGenerator generator = TextGenerator.of(base);

        String text = generator.generate(golden.prompts.get(0), options);

        assertThat(text).hasSize(golden.maxNewTokens);
        assertThat(generator.generate(golden.prompts.get(0), options)).isEqualTo(text);
      }
    }
  }
}
