package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDManager;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.train.ManagedArrays;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Eight threads on one base: 2,000 generations under sixteen adapters that are loaded, closed,
 * swapped in place and put in a batch with others meanwhile. Whatever happens beside it, a request
 * gets the answer that its adapter gives alone.
 */
final class RaceTest {

  private static final int THREADS = 8;
  private static final int GENERATIONS = 2000;

  /** Views whose adapter is swapped between two in place; the rest are replaced as views. */
  private static final int SWAPPED = 4;

  private final Path directory;
  private final AtomicInteger left = new AtomicInteger(GENERATIONS);
  private final AtomicInteger exact = new AtomicInteger();
  private final AtomicInteger swaps = new AtomicInteger();
  private final AtomicInteger reloads = new AtomicInteger();
  private final Queue<PeftModel<CausalLm>> opened = new ConcurrentLinkedQueue<>();
  private final AtomicReferenceArray<PeftModel<CausalLm>> views =
      new AtomicReferenceArray<>(RaceOracle.ADAPTERS);

  RaceTest(@TempDir Path directory) {
    this.directory = directory;
  }

  @Test
  void everyAnswerEqualsItsSequentialReferenceAndNothingIsLeftBehind() throws Exception {
    try (CausalLm base = GoldenBase.load()) {
      RaceOracle oracle = new RaceOracle(base, directory);
      assertThat(oracle.greedyTexts().stream().distinct().count()).isGreaterThan(45);
      int arrays = ManagedArrays.below(base.decoder().manager());
      int managers = managers(base);
      ExecutorService threads = Executors.newFixedThreadPool(THREADS);
      try (GenerationScheduler scheduler = GenerationScheduler.builder(base).maxRows(4).build()) {
        for (int adapter = 0; adapter < RaceOracle.ADAPTERS; adapter++) {
          views.set(adapter, open(base, oracle, adapter));
        }
        CyclicBarrier start = new CyclicBarrier(THREADS);
        List<Future<?>> runs = new ArrayList<>();
        for (int thread = 0; thread < THREADS; thread++) {
          Random random = new Random(thread);
          runs.add(
              threads.submit(
                  () -> {
                    start.await();
                    race(base, oracle, scheduler, random);
                    return null;
                  }));
        }
        for (Future<?> run : runs) {
          run.get();
        }
      } finally {
        threads.shutdownNow();
      }

      assertThat(exact.get()).isGreaterThan(100);
      assertThat(swaps.get()).isGreaterThan(50);
      assertThat(reloads.get()).isGreaterThan(50);
      opened.forEach(PeftModel::close);
      assertThat(opened).allSatisfy(view -> assertThat(view.nativeBytes()).isZero());
      assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(arrays);
      assertThat(managers(base)).isEqualTo(managers);
      assertThat(RaceOracle.logitsOf(base)).isDeepEqualTo(oracle.logits(RaceOracle.ADAPTERS));
    }
  }

  /** Managers beside the base's, of which every adapter in native memory has one. */
  private static int managers(CausalLm base) {
    NDManager all = base.decoder().manager().getParentManager();
    return ManagedArrays.children(all);
  }

  private PeftModel<CausalLm> open(CausalLm base, RaceOracle oracle, int adapter)
      throws IOException {
    PeftModel<CausalLm> view = PeftModel.fromPretrained(base, oracle.directory(adapter));
    opened.add(view);
    return view;
  }

  private void race(CausalLm base, RaceOracle oracle, GenerationScheduler scheduler, Random random)
      throws Exception {
    while (left.getAndDecrement() > 0) {
      int adapter = random.nextInt(RaceOracle.ADAPTERS + 1);
      int prompt = random.nextInt(RaceOracle.PROMPTS.size());
      boolean sampling = random.nextBoolean();
      boolean scheduled = random.nextInt(3) == 0;
      String text = answer(base, scheduler, adapter, prompt, sampling, scheduled);
      if (adapter < SWAPPED) {
        assertThat(text)
            .isIn(
                oracle.text(adapter, prompt, sampling),
                oracle.text(other(adapter), prompt, sampling));
      } else {
        assertThat(text).isEqualTo(oracle.text(adapter, prompt, sampling));
      }
      disturb(base, oracle, random);
    }
  }

  private static int other(int swapped) {
    return RaceOracle.ADAPTERS - 1 - swapped;
  }

  /** Asks until the view is not one that was closed between being found and being taken. */
  private String answer(
      CausalLm base,
      GenerationScheduler scheduler,
      int adapter,
      int prompt,
      boolean sampling,
      boolean scheduled)
      throws Exception {
    GenerationRequest plain = GenerationRequest.of(RaceOracle.PROMPTS.get(prompt));
    GenerationOptions options = RaceOracle.options(sampling);
    while (true) {
      GenerationRequest request =
          adapter == RaceOracle.ADAPTERS ? plain : plain.adapter(views.get(adapter));
      try {
        return scheduled
            ? scheduler.submit(request, options).text().get()
            : TextGenerator.of(base).generate(List.of(request), options).get(0);
      } catch (IllegalStateException e) {
        assertThat(e).hasMessage("request 0: its adapter is closed; load it again");
      }
    }
  }

  /** Now and then: swaps an adapter in place, puts a new view in the place of one, or scores. */
  private void disturb(CausalLm base, RaceOracle oracle, Random random) throws IOException {
    int adapter = random.nextInt(RaceOracle.ADAPTERS);
    switch (random.nextInt(8)) {
      case 0 -> {
        int swapped = random.nextInt(SWAPPED);
        int next = random.nextBoolean() ? swapped : other(swapped);
        views.get(swapped).replaceWith(oracle.directory(next));
        swaps.incrementAndGet();
      }
      case 1 -> {
        if (adapter >= SWAPPED) {
          views.getAndSet(adapter, open(base, oracle, adapter)).close();
          reloads.incrementAndGet();
        }
      }
      case 2 -> {
        try (PeftModel<CausalLm> own = open(base, oracle, adapter)) {
          assertThat(RaceOracle.logitsOf(own.model())).isDeepEqualTo(oracle.logits(adapter));
        }
        exact.incrementAndGet();
      }
      default -> {} // only generates
    }
  }
}
