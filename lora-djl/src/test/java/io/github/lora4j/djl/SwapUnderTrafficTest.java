package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.generate.GenerationOptions;
import io.github.lora4j.djl.generate.GenerationRequest;
import io.github.lora4j.djl.generate.TextGenerator;
import io.github.lora4j.djl.layer.AdapterSlot;
import io.github.lora4j.djl.layer.AdapterWeights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An adapter takes the place of another while requests are answered; fp32, bit for bit. */
@Timeout(120)
final class SwapUnderTrafficTest {

  private static final int THREADS = 8;
  private static final int CALLS = 30;
  private static final int[][] ROWS = {{7, 90, 12, 33}, {55, 2}};
  private static final GenerationOptions OPTIONS =
      GenerationOptions.builder().maxNewTokens(6).build();

  private final CausalLm base = CausalLm.load(TinyCheckpoint.GOLDEN, LoadOptions.builder().build());
  private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);
  private final Path first;
  private final Path second;

  SwapUnderTrafficTest(@TempDir Path temp) throws IOException {
    this.first = save(temp.resolve("first"), 7, "query_key_value");
    this.second = save(temp.resolve("second"), 13, "query_key_value", "dense");
  }

  private Path save(Path directory, int rank, String... targets) throws IOException {
    LoraConfig config =
        LoraConfig.builder()
            .rank(rank)
            .alpha(32 * rank)
            .init(LoraInit.RANDOM)
            .targetModules(targets)
            .build();
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config, rank)) {
      peft.save(directory);
    }
    return directory;
  }

  @AfterEach
  void close() {
    threads.shutdownNow();
    base.close();
  }

  private String answer(CausalLm model) {
    return TextGenerator.of(model).generate("a b c", OPTIONS);
  }

  /**
   * PEFT: test_hotswap_works, test_hotswap_works_different_ranks_alphas, on a language model under
   * live traffic.
   */
  @Test
  void everyResultIsThatOfOneAdapterOrTheOther() throws Exception {
    List<float[][][]> logits = new ArrayList<>();
    List<String> answers = new ArrayList<>();
    for (Path directory : List.of(first, second)) {
      try (PeftModel<CausalLm> alone = PeftModel.fromPretrained(base, directory)) {
        logits.add(alone.model().logits(ROWS));
        answers.add(answer(alone.model()));
      }
    }
    assertThat(Arrays.deepEquals(logits.get(0), logits.get(1))).isFalse();
    assertThat(answers.get(0)).isNotEqualTo(answers.get(1));

    try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, first)) {
      CountDownLatch running = new CountDownLatch(THREADS - 1);
      List<Future<int[]>> results = new ArrayList<>();
      for (int thread = 1; thread < THREADS; thread++) {
        boolean generates = thread % 2 == 0;
        Callable<int[]> calls =
            generates
                ? () -> seen(running, () -> indexOf(answers, answer(peft.model())))
                : () -> seen(running, () -> indexOf(logits, peft.model().logits(ROWS)));
        results.add(threads.submit(calls));
      }
      Future<Integer> swaps = threads.submit(() -> swapUntil(peft, results));

      int[] total = new int[2];
      for (Future<int[]> result : results) {
        total[0] += result.get()[0];
        total[1] += result.get()[1];
      }

      assertThat(swaps.get()).isGreaterThan(1);
      assertThat(total[0] + total[1]).isEqualTo((THREADS - 1) * CALLS);
      assertThat(total).doesNotContain(0);
      try (PeftModel<CausalLm> alone = PeftModel.fromPretrained(base, second)) {
        peft.replaceWith(second);
        assertThat(peft.nativeBytes()).isEqualTo(alone.nativeBytes());
        assertThat(peft.tensors()).isEqualTo(alone.tensors());
      }
    }
  }

  private int swapUntil(PeftModel<CausalLm> peft, List<Future<int[]>> results) throws IOException {
    int swaps = 0;
    while (!results.stream().allMatch(Future::isDone)) {
      peft.replaceWith(swaps++ % 2 == 0 ? second : first);
    }
    return swaps;
  }

  private static int[] seen(CountDownLatch running, Callable<Integer> call) throws Exception {
    running.countDown();
    running.await();
    int[] counts = new int[2];
    for (int i = 0; i < CALLS; i++) {
      counts[call.call()]++;
    }
    return counts;
  }

  private static int indexOf(List<?> expected, Object result) {
    for (int i = 0; i < expected.size(); i++) {
      if (Arrays.deepEquals(new Object[] {expected.get(i)}, new Object[] {result})) {
        return i;
      }
    }
    throw new AssertionError("a result of neither adapter");
  }

  @Test
  void generationFinishesOnTheAdapterThatItBeganWith() throws IOException {
    try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, first)) {
      String expected = answer(peft.model());
      long bytes = peft.nativeBytes();
      List<Long> during = new ArrayList<>();

      String answer =
          TextGenerator.of(peft.model())
              .generate(
                  "a b c",
                  OPTIONS,
                  piece -> {
                    if (during.isEmpty()) {
                      replace(peft, second);
                      during.add(peft.nativeBytes());
                    }
                  });

      assertThat(answer).isEqualTo(expected);
      assertThat(answer(peft.model())).isNotEqualTo(expected);
      assertThat(during.get(0)).isEqualTo(bytes + peft.nativeBytes());
    }
  }

  private static void replace(PeftModel<CausalLm> peft, Path directory) {
    try {
      peft.replaceWith(directory);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void allRequestsOfOneCallSeeTheSameAdapter() throws IOException {
    try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, first)) {
      List<GenerationRequest> requests =
          List.of(
              GenerationRequest.of("a b c").adapter(peft),
              GenerationRequest.of("a b c").adapter(peft));
      List<String> answers = TextGenerator.of(base).generate(requests, OPTIONS);

      assertThat(answers).containsOnly(answer(peft.model()));
    }
  }

  @Test
  void replacedViewThatIsClosedGivesAllBackWhenItsLastUserEnds() throws IOException {
    PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, first);
    AdapterSlot slot = peft.model().adapterSlot().orElseThrow();
    AdapterWeights old = slot.acquire();

    peft.replaceWith(second);
    peft.close();
    assertThat(peft.nativeBytes()).isEqualTo(old.nativeBytes()).isPositive();
    assertThat(old.read()).isNotEmpty();
    old.release();

    assertThat(peft.nativeBytes()).isZero();
    assertThat(slot.tryAcquire()).isEmpty();
    assertThatThrownBy(() -> peft.replaceWith(second))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the adapter is closed; load it again");
    assertThatThrownBy(peft::tensors).hasMessage("the adapter is closed; load it again");
  }

  @Test
  void viewInTrainingIsNotReplaced() throws IOException {
    try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, first, true)) {
      assertThatThrownBy(() -> peft.replaceWith(second))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("a training holds on to its tensors");
    }
  }
}
