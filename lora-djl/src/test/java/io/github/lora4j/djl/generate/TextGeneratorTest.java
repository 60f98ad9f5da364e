package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.Precision;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class TextGeneratorTest {

  private static final List<String> PROMPTS =
      List.of("The answer is", "x", "What is the best food? ", "Moon", "ab ab ab ab ab", "2 + 2 =");

  private CausalLm base;
  private PeftModel<CausalLm> attention;
  private PeftModel<CausalLm> biased;

  @BeforeAll
  void load() throws IOException {
    base = GoldenBase.load();
    attention = GoldenBase.adapter(base, "attention");
    biased = GoldenBase.adapter(base, "bias-all");
  }

  @AfterAll
  void close() {
    attention.close();
    biased.close();
    base.close();
  }

  private static GenerationOptions.Builder sampling() {
    return GenerationOptions.builder().maxNewTokens(30).temperature(1.5).topK(60).topP(0.98);
  }

  /** Every prompt under the base and two adapters, neighbours never under the same. */
  private List<GenerationRequest> mixed() {
    List<GenerationRequest> requests = new ArrayList<>();
    for (String prompt : PROMPTS) {
      requests.add(GenerationRequest.of(prompt).adapter(biased));
      requests.add(GenerationRequest.of(prompt));
      requests.add(GenerationRequest.of(prompt).adapter(attention));
    }
    return requests;
  }

  private List<String> oneByOne(List<GenerationRequest> requests, GenerationOptions.Builder from) {
    List<String> texts = new ArrayList<>();
    long seed = from.build().seed();
    for (int i = 0; i < requests.size(); i++) {
      CausalLm model = requests.get(i).adapter().map(PeftModel::model).orElse(base);
      texts.add(
          TextGenerator.of(model).generate(requests.get(i).prompt(), from.seed(seed + i).build()));
    }
    from.seed(seed);
    return texts;
  }

  @Test
  void greedyRowsOfAMixedBatchEqualEachRowAlone() {
    GenerationOptions.Builder options = GenerationOptions.builder().maxNewTokens(30);

    List<String> texts = TextGenerator.of(base).generate(mixed(), options.build());

    assertThat(texts).isEqualTo(oneByOne(mixed(), options));
    assertThat(texts).doesNotHaveDuplicates();
  }

  @Test
  void promptOfTokensIsContinuedAsItIs() {
    GenerationOptions options = GenerationOptions.builder().maxNewTokens(20).build();
    TextGenerator generator = TextGenerator.of(base);
    int[] tokens = base.tokenizer().encode("The answer is");
    List<String> pieces = new ArrayList<>();

    String text = generator.generate(GenerationRequest.of(tokens), options, pieces::add);

    assertThat(text).isEqualTo(generator.generate("The answer is", options));
    assertThat(String.join("", pieces)).isEqualTo(text);
    assertThatThrownBy(() -> GenerationRequest.of(new int[0]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the prompt has no tokens; give it at least one");
    assertThatThrownBy(
            () -> new GenerationRequest("a", List.of(1), Optional.empty(), OptionalLong.empty()))
        .hasMessage("a prompt is a text or tokens, got 'a' and 1 tokens");
  }

  @Test
  void sampledRowsOfAMixedBatchEqualEachRowAloneWithItsOwnSeed() {
    GenerationOptions.Builder options = sampling().seed(9).repetitionPenalty(1.2);

    List<String> texts = TextGenerator.of(base).generate(mixed(), options.build());

    assertThat(texts).isEqualTo(oneByOne(mixed(), options));
  }

  @Test
  void requestsOwnSeedGivesTheTextOfThePromptAloneWhereverItStands() {
    GenerationOptions options = sampling().seed(9).build();
    GenerationRequest own = GenerationRequest.of("Moon").adapter(attention).seed(4);
    List<GenerationRequest> requests =
        List.of(
            GenerationRequest.of("Moon"), own, GenerationRequest.of("Earth").adapter(biased), own);

    List<String> texts = TextGenerator.of(base).generate(requests, options);

    String alone = TextGenerator.of(attention.model()).generate("Moon", sampling().seed(4).build());
    assertThat(texts.get(1)).isEqualTo(alone);
    assertThat(texts.get(3)).isEqualTo(alone);
    assertThat(texts.get(2))
        .isEqualTo(TextGenerator.of(biased.model()).generate("Earth", sampling().seed(11).build()));
  }

  @Test
  void batchSizeChangesNoText() {
    List<String> all = TextGenerator.of(base).generate(mixed(), sampling().batchSize(100).build());

    for (int size : new int[] {1, 4, 7}) {
      List<String> texts =
          TextGenerator.of(base).generate(mixed(), sampling().batchSize(size).build());
      assertThat(texts).isEqualTo(all);
    }
  }

  @Test
  void seedDecidesWhatIsDrawn() {
    TextGenerator generator = TextGenerator.of(base);

    String first = generator.generate("Moon", sampling().seed(1).build());

    assertThat(generator.generate("Moon", sampling().seed(1).build())).isEqualTo(first);
    assertThat(generator.generate("Moon", sampling().seed(2).build())).isNotEqualTo(first);
  }

  @Test
  void samePromptTwiceInAListIsDrawnTwice() {
    GenerationRequest request = GenerationRequest.of("Moon");

    List<String> texts =
        TextGenerator.of(base).generate(List.of(request, request), sampling().build());

    assertThat(texts.get(0)).isNotEqualTo(texts.get(1));
  }

  @Test
  void cachedStepsGiveTheTextThatPassesOverTheWholeTextGive() {
    // more tokens than the cache has room for at first, so that it grows
    GenerationOptions options = sampling().topK(10).temperature(1).maxNewTokens(200).build();

    Row cached = row(options);
    try (RowBatch batch = new RowBatch(base.decoder())) {
      batch.join(List.of(cached));
      while (batch.isRunning()) {
        batch.step();
      }
    }

    Row whole = row(options);
    int[] ids = whole.input();
    while (!whole.done()) {
      float[][] scores = attention.model().logits(ids)[0];
      whole.accept(scores[scores.length - 1]);
      ids = Arrays.copyOf(ids, ids.length + 1);
      ids[ids.length - 1] = whole.input()[0];
    }
    assertThat(ids.length).isGreaterThan(150);
    assertThat(cached.text()).isEqualTo(whole.text()).hasSizeGreaterThan(140);
  }

  private Row row(GenerationOptions options) {
    int[] prompt = base.tokenizer().encode("Moon");
    return new Row(prompt, attention.model().adapter(), base.tokenizer(), options, 42, piece -> {});
  }

  @Test
  void requestWithoutAnAdapterUsesTheGeneratorsOwnView() {
    GenerationOptions options = GenerationOptions.builder().build();
    TextGenerator generator = TextGenerator.of(attention.model());

    List<String> texts =
        generator.generate(
            List.of(
                GenerationRequest.of("Moon"),
                GenerationRequest.of("Moon").adapter(attention),
                GenerationRequest.of("Moon").adapter(biased)),
            options);

    assertThat(texts.get(0)).isEqualTo(texts.get(1)).isNotEqualTo(texts.get(2));
    assertThat(texts.get(2)).isEqualTo(TextGenerator.of(biased.model()).generate("Moon", options));
    assertThat(TextGenerator.of(base).generate("Moon", options)).isNotEqualTo(texts.get(0));
  }

  @Test
  void streamedPiecesMakeUpTheText() {
    List<String> pieces = new ArrayList<>();

    String text = TextGenerator.of(base).generate("Moon", sampling().build(), pieces::add);

    // a token is one character, but for the special ones that may be drawn
    assertThat(text.length()).isBetween(20, 30);
    assertThat(pieces).hasSize(text.length());
    assertThat(String.join("", pieces)).isEqualTo(text);
  }

  @Test
  void textEndsBeforeAStopStringWhereverTokensAreCut() {
    TextGenerator generator = TextGenerator.of(base);
    String whole = generator.generate("Moon", sampling().build());
    String stop = whole.substring(11, 15);
    assertThat(whole.indexOf(stop)).isEqualTo(11);
    List<String> pieces = new ArrayList<>();

    String text =
        generator.generate("Moon", sampling().stopStrings("never", stop).build(), pieces::add);

    assertThat(text).isEqualTo(whole.substring(0, 11));
    assertThat(String.join("", pieces)).isEqualTo(text);
  }

  @Test
  void beginningOfAStopStringThatNeverCompletesIsPartOfTheText() {
    TextGenerator generator = TextGenerator.of(base);
    String whole = generator.generate("Moon", sampling().build());

    String text =
        generator.generate(
            "Moon", sampling().stopStrings(whole.substring(whole.length() - 3) + "!?").build());

    assertThat(text).isEqualTo(whole);
  }

  @Test
  void textKeepsAStopTokenAsTransformersDoes() {
    TextGenerator generator = TextGenerator.of(base);
    String whole = generator.generate("Moon", sampling().build());
    int stop = base.tokenizer().encode(whole)[7];
    int end = whole.indexOf(whole.charAt(7)) + 1;

    String text = generator.generate("Moon", sampling().stopTokens(stop).build());

    assertThat(text).isEqualTo(whole.substring(0, end));
  }

  @Test
  void endOfTextTokenStopsAndIsNotShown() {
    int eos = base.tokenizer().eosId().orElseThrow();
    GenerationOptions options = GenerationOptions.builder().maxNewTokens(9).build();
    List<String> pieces = new ArrayList<>();
    Row row = new Row(new int[] {5}, Optional.empty(), base.tokenizer(), options, 42, pieces::add);
    int shown = base.tokenizer().encode("M")[0];

    row.accept(onlyOne(shown));
    assertThat(row.done()).isFalse();
    row.accept(onlyOne(eos));

    assertThat(row.done()).isTrue();
    assertThat(row.text()).isEqualTo("M");
    assertThat(pieces).containsExactly("M");
  }

  private float[] onlyOne(int id) {
    float[] scores = new float[base.decoder().vocabulary()];
    scores[id] = 1;
    return scores;
  }

  @Test
  void emptyPromptBeginsWithTheFirstTokenOfAText() {
    GenerationOptions options = GenerationOptions.builder().build();
    TextGenerator generator = TextGenerator.of(base);

    assertThat(generator.generate("", options)).isEqualTo(generator.generate("<s>", options));
  }

  @Test
  void noRequestsGiveNoTexts() {
    assertThat(TextGenerator.of(base).generate(List.of(), sampling().build())).isEmpty();
  }

  @Test
  void adapterBesideAnotherBaseIsRefusedWithAllOtherProblems() throws IOException {
    try (CausalLm other = GoldenBase.load("power-of-two", Precision.FP32);
        PeftModel<CausalLm> foreign = GoldenBase.adapter(other, "attention")) {
      List<GenerationRequest> requests =
          List.of(
              GenerationRequest.of("a").adapter(attention),
              GenerationRequest.of("b").adapter(foreign),
              GenerationRequest.of("c").adapter(foreign));

      assertThatThrownBy(
              () -> TextGenerator.of(base).generate(requests, sampling().stopTokens(999).build()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "request 1: its adapter stands beside another base than the generator's; load it beside that one; "
                  + "request 2: its adapter stands beside another base than the generator's; load it beside that one; "
                  + "stop token 999: the vocabulary has ids 0 to 100");
    }
  }

  @Test
  void closedAdapterIsRefusedAndTheOthersAreLetGo() throws IOException {
    PeftModel<CausalLm> open = GoldenBase.adapter(base, "every-linear");
    PeftModel<CausalLm> closed = GoldenBase.adapter(base, "attention");
    closed.close();
    List<GenerationRequest> requests =
        List.of(GenerationRequest.of("a").adapter(open), GenerationRequest.of("b").adapter(closed));

    assertThatThrownBy(() -> TextGenerator.of(base).generate(requests, sampling().build()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("request 1: its adapter is closed; load it again");

    open.close();
    assertThat(open.nativeBytes()).isZero();
  }

  @Test
  void viewClosedWhileItGeneratesFinishesAndThenGivesItsMemoryBack() throws IOException {
    PeftModel<CausalLm> view = GoldenBase.adapter(base, "attention");
    String expected = TextGenerator.of(view.model()).generate("Moon", sampling().build());
    List<Long> bytes = new ArrayList<>();

    String text =
        TextGenerator.of(view.model())
            .generate(
                "Moon",
                sampling().build(),
                piece -> {
                  view.close();
                  bytes.add(view.nativeBytes());
                });

    assertThat(text).isEqualTo(expected);
    assertThat(bytes).hasSizeGreaterThan(20).doesNotContain(0L);
    assertThat(view.nativeBytes()).isZero();
  }
}
