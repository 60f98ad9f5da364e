package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraPlan;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TargetModules;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.KeyValueCache;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.djl.train.LoraTrainer;
import io.github.lora4j.djl.train.Schedule;
import io.github.lora4j.djl.train.TrainingOptions;
import io.github.lora4j.djl.train.TrainingReport;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family against transformers 5.18 and peft 0.21, in fp32. */
final class FamilyGoldenTest {

  private static final double LOGITS = 1e-4;

  /** Norm of the difference by the norm of the reference, which was computed in fp64. */
  private static final double GRADIENTS = 1e-5;

  static List<String> names() throws IOException {
    return FamilyGolden.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void treeIsPrintedAsPyTorchPrintsIt(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);

    try (CausalLm base = golden.load(Precision.FP32)) {
      assertThat(base.tree().stripTrailing()).isEqualTo(golden.tree());
    }
  }

  /** Of single rows, and of all in one batch. */
  @ParameterizedTest
  @MethodSource("names")
  void logitsEqualTransformers(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    int[][] rows = golden.rows();

    try (CausalLm base = golden.load(Precision.FP32)) {
      float[][][] together = base.logits(rows);
      for (int row = 0; row < rows.length; row++) {
        TensorData expected = golden.expected("base/logits/" + row);
        assertClose(base.logits(rows[row])[0], expected);
        assertClose(together[row], expected);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void adaptersOfPeftGiveItsLogitsAndCounts(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    int[][] rows = golden.rows();

    try (CausalLm base = golden.load(Precision.FP32)) {
      for (String adapter : List.of("default", "all-linear")) {
        try (PeftModel<CausalLm> peft = golden.adapter(base, adapter, true)) {
          float[][][] logits = peft.model().logits(rows);

          for (int row = 0; row < rows.length; row++) {
            assertClose(
                logits[row], golden.expected("adapters/%s/logits/%d".formatted(adapter, row)));
          }
          long[] counts = golden.trainable(adapter);
          assertThat(peft.parameterCount().trainable()).isEqualTo(counts[0]);
          assertThat(peft.parameterCount().all()).isEqualTo(counts[1]);
        }
      }
    }
  }

  /** The targets that a configuration without any, and one of all linear maps, mean. */
  @ParameterizedTest
  @MethodSource("names")
  void targetsAreThoseOfPeft(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);

    try (CausalLm base = golden.load(Precision.FP32)) {
      LoraConfig defaults = LoraConfig.builder().rank(4).build();
      LoraConfig all =
          LoraConfig.builder().rank(2).targetModules(TargetModules.allLinear()).build();

      assertThat(LoraPlan.of(base, defaults).parameterCount().trainable())
          .isEqualTo(golden.trainable("default")[0]);
      assertThat(LoraPlan.of(base, all).parameterCount().trainable())
          .isEqualTo(golden.trainable("all-linear")[0]);
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void lossAndGradientsEqualPeft(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    TokenBatch batch = TokenBatch.of(golden.lossRows(), golden.labels());

    try (CausalLm base = golden.load(Precision.FP32)) {
      for (String adapter : List.of("default", "all-linear")) {
        for (boolean recompute : new boolean[] {false, true}) {
          try (PeftModel<CausalLm> peft = golden.adapter(base, adapter, true)) {
            AdapterWeights weights = peft.model().adapter().orElseThrow();
            double loss;
            try (Pass pass = Pass.training(base.decoder().manager(), batch, weights, 1)) {
              loss = base.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), recompute);
            }

            assertThat(loss).isCloseTo(golden.loss("adapters/" + adapter), within(1e-5));
            assertGradients(adapter, weights.readGradients(), golden.gradients(adapter));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void tenStepsOfTrainingEqualPeft(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    TrainingOptions options =
        TrainingOptions.builder()
            .batchSize(4)
            .maxSteps(10)
            .learningRate(golden.curve("learning_rate"))
            .weightDecay(golden.curve("weight_decay"))
            .maxGradNorm(golden.curve("max_grad_norm"))
            .schedule(Schedule.CONSTANT)
            .shuffle(false)
            .build();

    try (CausalLm base = golden.load(Precision.FP32);
        PeftModel<CausalLm> peft = golden.adapter(base, "initial", true)) {
      TrainingReport report =
          LoraTrainer.builder(peft)
              .options(options)
              .build()
              .train(TrainingDataset.of(golden.curveExamples()));

      double[] expected = golden.curveLosses();
      for (int step = 0; step < expected.length; step++) {
        assertThat(report.steps().get(step).loss())
            .as("loss of step %d", step + 1)
            .isCloseTo(expected[step], withinPercentage(0.01));
      }
    }
  }

  /** With a cache, which the reference did without. */
  @ParameterizedTest
  @MethodSource("names")
  void greedyTokensEqualTransformers(String name) throws IOException {
    FamilyGolden golden = FamilyGolden.of(name);
    int[][] prompts = golden.prompts();
    int[][] expected = golden.greedy();

    try (CausalLm base = golden.load(Precision.FP32)) {
      int[][] together = greedy(base, prompts, expected[0].length);
      for (int row = 0; row < prompts.length; row++) {
        int[][] alone = greedy(base, new int[][] {prompts[row]}, expected[row].length);
        assertThat(alone[0]).as("prompt %d alone", row).isEqualTo(expected[row]);
        assertThat(together[row]).as("prompt %d in a batch", row).isEqualTo(expected[row]);
      }
    }
  }

  private static int[][] greedy(CausalLm base, int[][] prompts, int count) {
    int[][] chosen = new int[prompts.length][count];
    int[][] input = prompts;
    try (KeyValueCache cache = base.decoder().newCache(prompts.length, 32)) {
      for (int step = 0; step < count; step++) {
        TokenBatch batch = TokenBatch.of(input);
        try (Pass pass = Pass.cached(base.decoder().manager(), batch, List.of(), cache)) {
          float[] scores = base.decoder().logits(pass, true).toFloatArray(); // (B, V)
          int vocabulary = scores.length / prompts.length;
          input = new int[prompts.length][1];
          for (int row = 0; row < prompts.length; row++) {
            int best = 0;
            for (int id = 0; id < vocabulary; id++) {
              if (scores[row * vocabulary + id] > scores[row * vocabulary + best]) {
                best = id;
              }
            }
            chosen[row][step] = best;
            input[row][0] = best;
          }
        }
        cache.advance(batch.lengths());
      }
    }
    return chosen;
  }

  private static void assertGradients(
      String adapter, Map<String, TensorData> actual, Map<String, TensorData> expected) {
    assertThat(actual.keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
    List<String> wrong = new ArrayList<>();
    expected.forEach(
        (tensor, reference) -> {
          TensorData gradient = requireNonNull(actual.get(tensor));
          assertThat(gradient.shape()).isEqualTo(reference.shape());
          double norm = 0;
          double difference = 0;
          for (int i = 0; i < reference.values().length; i++) {
            norm = Math.hypot(norm, reference.values()[i]);
            difference =
                Math.hypot(difference, (double) gradient.values()[i] - reference.values()[i]);
          }
          if (!(difference / norm <= GRADIENTS)) {
            wrong.add("%s of %s: %.2e".formatted(tensor, adapter, difference / norm));
          }
        });
    assertThat(wrong).as("gradients too far from the reference's").isEmpty();
  }

  private static void assertClose(float[][] actual, TensorData expected) {
    int width = Math.toIntExact(expected.shape().get(1));
    assertThat(actual.length).isEqualTo(Math.toIntExact(expected.shape().get(0)));
    for (int position = 0; position < actual.length; position++) {
      assertThat(actual[position]).hasSize(width);
      for (int id = 0; id < width; id++) {
        assertThat((double) actual[position][id])
            .as("position %d, id %d", position, id)
            .isCloseTo(expected.values()[position * width + id], within(LOGITS));
      }
    }
  }
}
