package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Many adapters on one base, from many threads. */
final class ViewsTest {

  private static final int THREADS = 6;
  private static final int ADAPTERS = 4;
  private static final int CALLS = 8;
  private static final int[][] ROWS = {{7, 90, 12, 33}, {55, 2}};

  private final CausalLm base = CausalLm.load(TinyCheckpoint.GOLDEN, LoadOptions.builder().build());
  private final List<PeftModel<CausalLm>> views = new ArrayList<>();
  private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);

  ViewsTest() throws IOException {
    for (int seed = 0; seed < ADAPTERS; seed++) {
      views.add(PeftModel.wrap(base, config(), seed));
    }
  }

  @AfterEach
  void close() {
    threads.shutdownNow();
    views.forEach(PeftModel::close);
    base.close();
  }

  @Test
  void everyCallOfEveryThreadEqualsItsSequentialOne() throws Exception {
    List<CausalLm> models = new ArrayList<>(List.of(base));
    views.forEach(view -> models.add(view.model()));
    List<float[][][]> expected = models.stream().map(model -> model.logits(ROWS)).toList();
    assertThat(expected.get(1)).isNotEqualTo(expected.get(2));

    List<Callable<float[][][]>> calls = new ArrayList<>();
    for (int call = 0; call < THREADS * CALLS; call++) {
      CausalLm model = models.get(call % models.size());
      calls.add(() -> model.logits(ROWS));
    }
    List<Future<float[][][]>> results = threads.invokeAll(calls);

    for (int call = 0; call < results.size(); call++) {
      assertThat(results.get(call).get()).isDeepEqualTo(expected.get(call % models.size()));
    }
  }

  @Test
  void trainingsOnOneBaseDoNotDisturbEachOther() throws Exception {
    List<float[]> expected = new ArrayList<>();
    for (PeftModel<CausalLm> view : views) {
      expected.add(gradients(view));
      gradientsOf(view).flatGradients().subi(gradientsOf(view).flatGradients());
    }

    List<Callable<float[]>> calls = new ArrayList<>();
    views.forEach(view -> calls.add(() -> gradients(view)));
    List<Future<float[]>> results = threads.invokeAll(calls);

    for (int i = 0; i < results.size(); i++) {
      assertThat(results.get(i).get()).isEqualTo(expected.get(i));
    }
  }

  private static AdapterWeights gradientsOf(PeftModel<CausalLm> view) {
    return view.model().adapter().orElseThrow();
  }

  private static float[] gradients(PeftModel<CausalLm> view) {
    CausalLm model = view.model();
    TokenBatch batch = TokenBatch.of(List.of(ROWS), List.of(ROWS));
    try (Pass pass = Pass.training(model.decoder().manager(), batch, gradientsOf(view), 3)) {
      model.decoder().lossAndGradients(pass, 1, false);
    }
    return gradientsOf(view).flatGradients().toFloatArray();
  }

  @Test
  void closingAViewWhileItAnswersFinishesTheAnswerAndFreesItsMemory() throws Exception {
    PeftModel<CausalLm> view = views.get(0);
    float[][][] expected = view.model().logits(ROWS);
    assertThat(view.nativeBytes()).isPositive();
    CountDownLatch running = new CountDownLatch(THREADS);
    List<Future<Integer>> results = new ArrayList<>();
    for (int thread = 0; thread < THREADS; thread++) {
      results.add(threads.submit(() -> answersUntilClosed(view.model(), expected, running)));
    }

    running.await();
    view.close();

    for (Future<Integer> result : results) {
      assertThat(result.get()).isPositive();
    }
    assertThat(view.nativeBytes()).isZero();
    assertThat(views.get(1).model().logits(ROWS)[0]).hasDimensions(4, 101);
  }

  private static int answersUntilClosed(
      CausalLm model, float[][][] expected, CountDownLatch running) {
    for (int answers = 0; ; answers++) {
      try {
        assertThat(model.logits(ROWS)).isDeepEqualTo(expected);
      } catch (IllegalStateException e) {
        assertThat(e).hasMessage("the adapter is closed; load it again");
        return answers;
      }
      if (answers == 0) {
        running.countDown();
      }
    }
  }

  /** PEFT: _test_delete_adapter. The last one can go, and the base is left. */
  @Test
  void closedViewSaysSoAndTheBaseGoesOn() {
    PeftModel<CausalLm> view = views.get(0);
    CausalLm model = view.model();
    view.close();
    view.close();

    assertThatThrownBy(() -> model.logits(ROWS))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the adapter is closed; load it again");
    assertThat(base.logits(ROWS)[0]).hasDimensions(4, 101);
  }

  @Test
  void loadingAndClosingLeavesNoArrays() {
    int before = base.decoder().manager().getManagedArrays().size();

    for (int i = 0; i < 5; i++) {
      try (PeftModel<CausalLm> view = PeftModel.wrap(base, config(), i)) {
        view.model().logits(ROWS);
        gradients(view);
      }
    }

    assertThat(base.decoder().manager().getManagedArrays()).hasSize(before);
  }

  private static LoraConfig config() {
    return LoraConfig.builder()
        .rank(2)
        .alpha(4)
        .init(LoraInit.RANDOM)
        .targetModules("query_key_value", "dense")
        .build();
  }
}
