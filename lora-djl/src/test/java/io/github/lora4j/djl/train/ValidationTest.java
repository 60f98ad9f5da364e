package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.TrainingDataset;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ValidationTest {

  private static final TrainingDataset HELD_OUT = TinyRun.dataset(7);

  @Test
  void everyLabelCountsTheSameWhateverTheBatchSize() throws IOException {
    try (CausalLm base = TinyRun.base()) {
      double expected = meanCrossEntropy(base);

      for (int batchSize : new int[] {1, 3, 7, 100}) {
        assertThat(new Validation(HELD_OUT, batchSize, false).loss(base))
            .isCloseTo(expected, within(1e-5));
      }
    }
  }

  /** From the logits, in double precision. */
  private static double meanCrossEntropy(CausalLm base) {
    double sum = 0;
    int labels = 0;
    for (int i = 0; i < HELD_OUT.size(); i++) {
      int[] tokens = HELD_OUT.get(i).tokens();
      float[][] logits = base.logits(tokens)[0];
      for (int t = 1; t < tokens.length; t++) {
        double total = 0;
        for (float logit : logits[t - 1]) {
          total += Math.exp(logit);
        }
        sum += Math.log(total) - logits[t - 1][tokens[t]];
        labels++;
      }
    }
    return sum / labels;
  }

  @Test
  void evaluationsComeEveryEpochOrEveryFewStepsAndInTheEnd() throws IOException {
    assertThat(evaluatedSteps(TinyRun.options().maxSteps(7))).containsExactly(3, 6, 7);
    assertThat(evaluatedSteps(TinyRun.options().maxSteps(5).evaluateEvery(2)))
        .containsExactly(2, 4, 5);
  }

  private static List<Integer> evaluatedSteps(TrainingOptions.Builder options) throws IOException {
    List<Evaluation> told = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void onEvaluation(Evaluation evaluation) {
            told.add(evaluation);
          }
        };
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      TrainingReport report =
          TinyRun.trainer(peft, options.build())
              .validation(HELD_OUT)
              .listener(listener)
              .build()
              .train(TinyRun.dataset(13));
      assertThat(report.evaluations()).isEqualTo(told);
      assertThat(told.get(told.size() - 1).loss())
          .isEqualTo(new Validation(HELD_OUT, 2, false).loss(peft.model()));
      return told.stream().map(Evaluation::step).toList();
    }
  }

  /** A learning rate so high that the held-out loss soon only rises. */
  private static TrainingOptions.Builder diverging(Path directory) {
    return TinyRun.options()
        .maxSteps(30)
        .warmupSteps(3)
        .learningRate(0.3)
        .evaluateEvery(1)
        .earlyStoppingPatience(3)
        .checkpointDirectory(directory)
        .keepCheckpoints(1);
  }

  @Test
  void trainingStopsEarlyAndReportsTheBestCheckpoint(@TempDir Path directory) throws IOException {
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      TrainingReport report =
          TinyRun.trainer(peft, diverging(directory).build())
              .validation(HELD_OUT)
              .build()
              .train(TinyRun.dataset(13));

      Evaluation best = best(report);
      int last = report.steps().size();
      assertThat(report.stopReason()).isEqualTo(StopReason.EARLY_STOPPED);
      assertThat(last).isEqualTo(best.step() + 3).isLessThan(30);
      assertThat(report.bestCheckpoint()).contains(directory.resolve("checkpoint-" + best.step()));
      assertThat(report.lastCheckpoint()).contains(directory.resolve("checkpoint-" + last));
      assertThat(new Checkpoints(directory).all())
          .containsExactly(
              report.bestCheckpoint().orElseThrow(), report.lastCheckpoint().orElseThrow());
      assertThat(new Validation(HELD_OUT, 2, false).loss(peft.model()))
          .as("the adapter stays that of the last step")
          .isEqualTo(report.evaluations().get(report.evaluations().size() - 1).loss());
      try (PeftModel<CausalLm> loaded =
          PeftModel.fromPretrained(base, report.bestCheckpoint().orElseThrow())) {
        assertThat(new Validation(HELD_OUT, 2, false).loss(loaded.model())).isEqualTo(best.loss());
      }
    }
  }

  @Test
  void bestIsLoadedInTheEndIfAskedFor(@TempDir Path directory) throws IOException {
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      TrainingReport report =
          TinyRun.trainer(peft, diverging(directory).loadBestAtEnd(true).build())
              .validation(HELD_OUT)
              .build()
              .train(TinyRun.dataset(13));

      assertThat(best(report).step()).isLessThan(report.steps().size());
      assertThat(new Validation(HELD_OUT, 2, false).loss(peft.model()))
          .isEqualTo(best(report).loss());
    }
  }

  private static Evaluation best(TrainingReport report) {
    Evaluation best = report.evaluations().get(0);
    for (Evaluation evaluation : report.evaluations()) {
      best = evaluation.loss() < best.loss() ? evaluation : best;
    }
    return best;
  }
}
