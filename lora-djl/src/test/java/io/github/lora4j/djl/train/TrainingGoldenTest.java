package io.github.lora4j.djl.train;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.GoldenTensors;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole runs against Hugging Face's Trainer: transformers 5.18 with peft 0.21. */
final class TrainingGoldenTest {

  /** Relative to the reference's loss, in percent: 1e-4. */
  private static final double LOSS = 0.01;

  /** Relative to the reference's norm, in percent: 1e-4. */
  private static final double GRADIENT_NORM = 0.01;

  /**
   * Relative to a tensor's largest entry; 1.2e-6 was seen. Both programs compute in fp32, and AdamW
   * turns the rounding of a small gradient into a part of a step (0.01, beside entries of up to 1).
   */
  private static final double FINAL_TENSORS = 1e-4;

  @ParameterizedTest
  @CsvSource({
    "linear, false",
    "linear, true",
    "every-linear-cosine, false",
    "bias-all, false",
    "ragged-epoch, false",
    "dora, false",
    "dora, true",
    "dora-patterns, true",
    "lora-plus, false",
    "lora-plus-dora, true",
    "embedding, false",
    "embedding, true",
    "whole-modules, false",
    "whole-modules, true"
  })
  void curveAndFinalAdapterEqualHuggingFaceTrainer(
      String name, boolean recompute, @TempDir Path directory) throws IOException {
    GoldenCurve golden = new GoldenCurve(name);

    try (CausalLm base = golden.base();
        PeftModel<CausalLm> peft = golden.initial(base)) {
      TrainingReport report =
          LoraTrainer.builder(peft)
              .options(golden.options().recompute(recompute).build())
              .progressBar(false)
              .build()
              .train(golden.dataset());
      peft.save(directory.resolve("adapter"));

      assertCurve(report.steps(), golden.steps());
      assertTensors(golden, directory);
    }
  }

  private static void assertCurve(List<TrainingStep> actual, List<GoldenCurve.Step> expected) {
    assertThat(actual).hasSameSizeAs(expected);
    for (int i = 0; i < actual.size(); i++) {
      TrainingStep step = actual.get(i);
      GoldenCurve.Step reference = expected.get(i);
      String label = "step " + reference.step();
      assertThat(step.step()).isEqualTo(reference.step());
      assertThat(step.epoch()).as(label).isEqualTo(reference.epoch());
      assertThat(step.learningRate()).as(label).isEqualTo(reference.learningRate());
      assertThat(step.loss()).as(label).isCloseTo(reference.loss(), withinPercentage(LOSS));
      assertThat(step.gradNorm())
          .as(label)
          .isCloseTo(reference.gradNorm(), withinPercentage(GRADIENT_NORM));
    }
  }

  private static void assertTensors(GoldenCurve golden, Path directory) throws IOException {
    Map<String, TensorData> actual =
        GoldenTensors.read(directory.resolve("adapter/adapter_model.safetensors"));
    Map<String, TensorData> expected = golden.finalTensors();
    assertThat(actual.keySet()).isEqualTo(expected.keySet());
    expected.forEach(
        (name, reference) -> {
          Set<Integer> undetermined = golden.undetermined(name);
          float[] values = requireNonNull(actual.get(name)).values();
          double largest = 0;
          double difference = 0;
          for (int i = 0; i < values.length; i++) {
            if (!undetermined.contains(i)) {
              largest = Math.max(largest, Math.abs(reference.values()[i]));
              difference = Math.max(difference, Math.abs(reference.values()[i] - values[i]));
            }
          }
          assertThat(difference / largest)
              .as("relative difference of %s", name)
              .isLessThanOrEqualTo(FINAL_TENSORS);
        });
  }
}
