package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Many generations on one base: at once, and one after another. */
final class SharedBaseTest {

  private static final GenerationOptions OPTIONS =
      GenerationOptions.builder().maxNewTokens(25).temperature(1.2).topP(0.95).build();

  @Test
  void generatorsOnManyThreadsGiveWhatTheyGiveOneByOne() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (CausalLm base = GoldenBase.load();
        PeftModel<CausalLm> first = GoldenBase.adapter(base, "attention");
        PeftModel<CausalLm> second = GoldenBase.adapter(base, "every-linear")) {
      List<GenerationRequest> requests =
          List.of(
              GenerationRequest.of("Moon").adapter(first),
              GenerationRequest.of("Cheese is").adapter(second),
              GenerationRequest.of("Earth"));
      TextGenerator generator = TextGenerator.of(base);
      List<String> expected = generator.generate(requests, OPTIONS);
      String expectedFirst = TextGenerator.of(first.model()).generate("Moon", OPTIONS);
      String expectedSecond = TextGenerator.of(second.model()).generate("Moon", OPTIONS);
      assertThat(expectedFirst).isNotEqualTo(expectedSecond);

      List<Future<?>> runs = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        PeftModel<CausalLm> own = thread % 2 == 0 ? first : second;
        String expectedOwn = thread % 2 == 0 ? expectedFirst : expectedSecond;
        runs.add(
            threads.submit(
                () -> {
                  for (int round = 0; round < 10; round++) {
                    assertThat(TextGenerator.of(own.model()).generate("Moon", OPTIONS))
                        .isEqualTo(expectedOwn);
                    assertThat(generator.generate(requests, OPTIONS)).isEqualTo(expected);
                  }
                }));
      }

      for (Future<?> run : runs) {
        run.get();
      }
    } finally {
      threads.shutdown();
    }
  }

  @Test
  void fiftyGenerationsLeaveNoArrayBehind() throws IOException {
    try (CausalLm base = GoldenBase.load();
        PeftModel<CausalLm> view = GoldenBase.adapter(base, "attention")) {
      List<GenerationRequest> requests =
          List.of(
              GenerationRequest.of("Moon").adapter(view),
              GenerationRequest.of("Earth and"),
              GenerationRequest.of("x"));
      TextGenerator generator = TextGenerator.of(base);
      generator.generate(requests, OPTIONS);
      String before = base.decoder().manager().toString();
      assertThat(before).contains("esource size: ");

      for (int round = 0; round < 50; round++) {
        generator.generate(requests, OPTIONS);
      }

      assertThat(base.decoder().manager().toString()).isEqualTo(before);
    }
  }

  @Test
  void whatTheCallbackThrowsEndsTheGenerationAndLeavesNoArrayBehind() throws IOException {
    try (CausalLm base = GoldenBase.load()) {
      PeftModel<CausalLm> view = GoldenBase.adapter(base, "attention");
      TextGenerator generator = TextGenerator.of(view.model());
      generator.generate("Moon", OPTIONS);
      String before = base.decoder().manager().toString();
      List<String> pieces = new ArrayList<>();

      assertThatThrownBy(
              () ->
                  generator.generate(
                      "Moon",
                      OPTIONS,
                      piece -> {
                        pieces.add(piece);
                        if (pieces.size() == 3) {
                          throw new IllegalStateException("the reader went away");
                        }
                      }))
          .hasMessage("the reader went away");

      assertThat(pieces).hasSize(3);
      assertThat(base.decoder().manager().toString()).isEqualTo(before);
      view.close();
      assertThat(view.nativeBytes()).isZero();
    }
  }
}
