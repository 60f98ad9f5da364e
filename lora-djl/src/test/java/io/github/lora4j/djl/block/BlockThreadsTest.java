package io.github.lora4j.djl.block;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.train.ManagedArrays;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Several views of one base, predicted with from several threads at once. */
final class BlockThreadsTest {

  private static final int THREADS = 4;
  private static final int VIEWS = 6;
  private static final int CALLS = 60;

  @ParameterizedTest
  @EnumSource(Sample.class)
  void everyThreadGetsTheAnswersOfTheViewItAsked(Sample sample) throws Exception {
    try (Model model = Model.newInstance("shared")) {
      NDManager manager = model.getNDManager();
      Block base = sample.ready(manager, 1);
      List<Integer> bits = Sample.bits(base);
      List<PeftModel<Block>> views = new ArrayList<>();
      List<float[]> wanted = new ArrayList<>();
      for (int i = 0; i < VIEWS; i++) {
        views.add(PeftModel.wrap(base, sample.random(), i));
        wanted.add(sample.predict(views.get(i).model(), manager));
      }
      int held = ManagedArrays.below(manager);

      ExecutorService threads = Executors.newFixedThreadPool(THREADS);
      try {
        List<Callable<Integer>> calls = new ArrayList<>();
        for (int thread = 0; thread < THREADS; thread++) {
          int seed = thread;
          calls.add(() -> wrongAnswers(sample, views, wanted, new Random(seed)));
        }
        for (Future<Integer> wrong : threads.invokeAll(calls)) {
          assertThat(wrong.get()).isZero();
        }
      } finally {
        threads.shutdown();
      }

      assertThat(ManagedArrays.below(manager)).isEqualTo(held);
      assertThat(Sample.bits(base)).isEqualTo(bits);
    }
  }

  private static int wrongAnswers(
      Sample sample, List<PeftModel<Block>> views, List<float[]> wanted, Random random)
      throws Exception {
    int wrong = 0;
    for (int i = 0; i < CALLS; i++) {
      int view = random.nextInt(VIEWS);
      try (Model model = Model.newInstance("thread")) {
        model.setBlock(views.get(view).model());
        try (Predictor<String, float[]> predictor = model.newPredictor(sample.translator())) {
          if (!Arrays.equals(predictor.predict("now"), wanted.get(view))) {
            wrong++;
          }
        }
      }
    }
    return wrong;
  }
}
