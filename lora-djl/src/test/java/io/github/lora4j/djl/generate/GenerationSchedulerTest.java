package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.train.ManagedArrays;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What a scheduler generates: the texts of single runs, whoever else is in the batch. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class GenerationSchedulerTest {

  private static final GenerationOptions TWENTY = GenerationOptions.builder().build();

  private CausalLm base;
  private PeftModel<CausalLm> attention;
  private PeftModel<CausalLm> biased;
  private PeftModel<CausalLm> every;

  @BeforeAll
  void load() throws IOException {
    base = GoldenBase.load();
    attention = GoldenBase.adapter(base, "attention");
    biased = GoldenBase.adapter(base, "bias-all");
    every = GoldenBase.adapter(base, "every-linear");
  }

  @AfterAll
  void close() {
    List.of(attention, biased, every).forEach(PeftModel::close);
    base.close();
  }

  /** A request, how it is answered, and its text in a run of its own. */
  private record Case(GenerationRequest request, GenerationOptions options, String alone) {}

  /** Prompts, adapters, lengths and ways to choose that change from one to the next. */
  private List<Case> cases(int count) {
    List<String> prompts = List.of("Moon", "The answer is", "x", "ab ab ab ab ab ab ab", "2 + 2 =");
    List<Case> cases = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      GenerationRequest request = GenerationRequest.of(prompts.get(i % prompts.size()));
      request =
          switch (i % 4) {
            case 0 -> request.adapter(attention);
            case 1 -> request;
            case 2 -> request.adapter(biased);
            default -> request.adapter(every);
          };
      GenerationOptions.Builder options = GenerationOptions.builder().maxNewTokens(1 + i * 7 % 30);
      if (i % 3 == 0) {
        options.temperature(1.3).topP(0.95).repetitionPenalty(1.1).seed(i);
      }
      CausalLm model = request.adapter().map(PeftModel::model).orElse(base);
      String alone = TextGenerator.of(model).generate(request.prompt(), options.build());
      cases.add(new Case(request, options.build(), alone));
    }
    return cases;
  }

  @Test
  void textsOfRequestsFromManyThreadsEqualThoseGeneratedAlone() throws Exception {
    List<Case> cases = cases(60);
    assertThat(cases.stream().map(Case::alone).distinct().count()).isGreaterThan(50);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (GenerationScheduler scheduler =
        GenerationScheduler.builder(base).maxRows(5).maxPromptTokens(20).build()) {
      List<Future<?>> runs = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        int first = thread;
        runs.add(
            threads.submit(
                () -> {
                  List<ScheduledGeneration> own = new ArrayList<>();
                  for (int i = first; i < cases.size(); i += 4) {
                    own.add(scheduler.submit(cases.get(i).request(), cases.get(i).options()));
                  }
                  for (int i = 0; i < own.size(); i++) {
                    assertThat(own.get(i).text().get()).isEqualTo(cases.get(first + 4 * i).alone());
                  }
                  return null;
                }));
      }

      for (Future<?> run : runs) {
        run.get();
      }

      SchedulerFigures figures = scheduler.figures();
      assertThat(figures.completed()).isEqualTo(60);
      assertThat(figures.waiting() + figures.running()).isZero();
      assertThat(figures.tokens())
          .isBetween(500L, cases.stream().mapToLong(c -> c.options().maxNewTokens()).sum());
    } finally {
      threads.shutdown();
    }
  }

  @Test
  void requestJoinsTheRunningBatchAndLeavesItBeforeTheOthersEnd() throws Exception {
    List<String> events = new ArrayList<>();
    GenerationRequest request = GenerationRequest.of("Moon").adapter(attention);
    GenerationOptions three = GenerationOptions.builder().maxNewTokens(3).build();
    List<ScheduledGeneration> late = new ArrayList<>();
    try (GenerationScheduler scheduler = GenerationScheduler.builder(base).build()) {
      ScheduledGeneration first =
          scheduler.submit(
              request,
              TWENTY,
              piece -> {
                events.add("first");
                if (events.size() == 5) {
                  late.add(
                      scheduler.submit(
                          GenerationRequest.of("Earth"), three, more -> events.add("second")));
                }
              });

      assertThat(first.text().get())
          .isEqualTo(TextGenerator.of(attention.model()).generate("Moon", TWENTY));
      assertThat(late.get(0).text().get())
          .isEqualTo(TextGenerator.of(base).generate("Earth", three));
    }

    // the newcomer's first token comes with its prompt, the others in the steps of the first
    List<String> expected = new ArrayList<>(List.of("first", "first", "first", "first", "first"));
    expected.addAll(List.of("second", "first", "second", "first", "second"));
    assertThat(events.subList(0, 10)).isEqualTo(expected);
    assertThat(events.subList(10, events.size())).containsOnly("first").hasSizeGreaterThan(10);
  }

  @Test
  void firstComeIsFirstServedAndLongPromptsLetRunningTextsGoOnInBetween() throws Exception {
    List<String> begun = new ArrayList<>();
    Gate gate = new Gate();
    GenerationOptions fifty = GenerationOptions.builder().maxNewTokens(50).build();
    try (GenerationScheduler scheduler =
        GenerationScheduler.builder(base).maxRows(8).maxPromptTokens(10).build()) {
      scheduler.submit(
          GenerationRequest.of("Moon"),
          fifty,
          piece -> {
            begun.add("running");
            gate.accept(piece);
          });
      gate.awaitReached();
      List<ScheduledGeneration> others = new ArrayList<>();
      for (String prompt : List.of("aaaaaa", "bbb", "cccccccccccccccc", "ddd", "eeeeeee", "ffff")) {
        others.add(
            scheduler.submit(GenerationRequest.of(prompt), TWENTY, piece -> begun.add(prompt)));
      }
      gate.open();
      for (ScheduledGeneration other : others) {
        other.text().get();
      }
    }

    // The running text had its first two tokens alone. Then, between two of its tokens: two prompts
    // of nine tokens together, the shorter at the front of the pass; one that is too long alone;
    // two
    // of ten; the last.
    List<List<String>> between = new ArrayList<>(List.of(new ArrayList<>()));
    for (String who : begun.subList(1, begun.size())) {
      if (who.equals("running")) {
        between.add(new ArrayList<>());
      } else if (between.stream().noneMatch(some -> some.contains(who))) {
        between.get(between.size() - 1).add(who);
      }
    }
    assertThat(between.subList(0, 5))
        .isEqualTo(
            List.of(
                List.of(),
                List.of("bbb", "aaaaaa"),
                List.of("cccccccccccccccc"),
                List.of("ddd", "eeeeeee"),
                List.of("ffff")));
  }

  @Test
  void readerThatThrowsEndsItsOwnTextOnly() throws Exception {
    GenerationRequest request = GenerationRequest.of("Moon").adapter(attention);
    try (GenerationScheduler scheduler = GenerationScheduler.builder(base).build()) {
      ScheduledGeneration good = scheduler.submit(request, TWENTY);
      ScheduledGeneration bad =
          scheduler.submit(
              request,
              TWENTY,
              piece -> {
                throw new AssertionError("the reader went away");
              });
      ScheduledGeneration after = scheduler.submit(GenerationRequest.of("Earth"), TWENTY);

      assertThatThrownBy(() -> bad.text().get())
          .isInstanceOf(ExecutionException.class)
          .hasRootCauseExactlyInstanceOf(AssertionError.class)
          .hasRootCauseMessage("the reader went away");
      assertThat(good.text().get())
          .isEqualTo(TextGenerator.of(attention.model()).generate("Moon", TWENTY));
      assertThat(after.text().get()).isEqualTo(TextGenerator.of(base).generate("Earth", TWENTY));
      assertThat(scheduler.figures().failed()).isEqualTo(1);
      assertThat(scheduler.figures().completed()).isEqualTo(2);
    }
  }

  @Test
  void adapterThatGivesNoNumbersEndsItsOwnTextOnly() throws Exception {
    try (PeftModel<CausalLm> broken =
            PeftModel.wrap(
                base, LoraConfig.builder().rank(2).targetModules("query_key_value").build());
        GenerationScheduler scheduler = GenerationScheduler.builder(base).build()) {
      AdapterWeights weights = broken.model().adapter().orElseThrow();
      Map<String, TensorData> values = new LinkedHashMap<>();
      weights
          .read()
          .forEach(
              (name, tensor) -> {
                float[] nans = tensor.values();
                Arrays.fill(nans, Float.NaN);
                values.put(name, new TensorData(tensor.shape(), nans));
              });
      weights.write(values);

      ScheduledGeneration good = scheduler.submit(GenerationRequest.of("Moon"), TWENTY);
      ScheduledGeneration bad =
          scheduler.submit(GenerationRequest.of("Moon").adapter(broken), TWENTY);

      assertThatThrownBy(() -> bad.text().get())
          .hasRootCauseInstanceOf(LoraException.class)
          .hasMessageContaining("values that are not finite");
      assertThat(good.text().get()).isEqualTo(TextGenerator.of(base).generate("Moon", TWENTY));
    }
  }

  @Test
  void adapterIsHeldFromSubmittingToTheEnd() throws Exception {
    PeftModel<CausalLm> view = GoldenBase.adapter(base, "every-linear");
    PeftModel<CausalLm> replaced = GoldenBase.adapter(base, "every-linear");
    String expected = TextGenerator.of(view.model()).generate("Moon", TWENTY);
    Gate gate = new Gate();
    try (GenerationScheduler scheduler = GenerationScheduler.builder(base).maxRows(1).build()) {
      scheduler.submit(GenerationRequest.of("Earth"), TWENTY, gate);
      gate.awaitReached();
      ScheduledGeneration closing =
          scheduler.submit(GenerationRequest.of("Moon").adapter(view), TWENTY);
      ScheduledGeneration replacing =
          scheduler.submit(GenerationRequest.of("Moon").adapter(replaced), TWENTY);

      view.close();
      replaced.replaceWith(attention.config(), attention.tensors());
      assertThat(view.nativeBytes()).isPositive();
      assertThat(replaced.nativeBytes()).isGreaterThan(attention.nativeBytes());
      gate.open();

      assertThat(closing.text().get()).isEqualTo(expected);
      assertThat(view.nativeBytes()).isZero();
      assertThat(replacing.text().get()).isEqualTo(expected);
      assertThat(replaced.nativeBytes()).isEqualTo(attention.nativeBytes());
      replaced.close();
    }
  }

  @Test
  void manyJoinsLeavesAndCancellationsLeaveNoArrayBehind() throws Exception {
    List<Case> cases = cases(12);
    int before = ManagedArrays.below(base.decoder().manager());
    List<Integer> counts = new ArrayList<>();
    try (GenerationScheduler scheduler = GenerationScheduler.builder(base).maxRows(4).build()) {
      for (int round = 0; round < 40; round++) {
        List<ScheduledGeneration> all =
            cases.stream().map(c -> scheduler.submit(c.request(), c.options())).toList();
        IntStream.range(0, all.size()).filter(i -> i % 3 == 1).forEach(i -> all.get(i).cancel());
        for (ScheduledGeneration one : all) {
          if (!one.text().isCancelled()) {
            one.text().get();
          }
        }
        // when this one, which comes after all, has ended, nothing runs
        scheduler.submit(GenerationRequest.of("x"), TWENTY).text().get();
        counts.add(ManagedArrays.below(base.decoder().manager()));
      }

      assertThat(scheduler.figures().cancelled()).isGreaterThan(100);
    }
    assertThat(counts).containsOnly(before);
  }
}
