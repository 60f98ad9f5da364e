package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class TrainingOptionsTest {

  @Test
  void defaultsAreThoseOfHuggingFaceTrainer() {
    TrainingOptions options = TrainingOptions.builder().build();

    assertThat(options.batchSize()).isEqualTo(8);
    assertThat(options.gradientAccumulation()).isEqualTo(1);
    assertThat(options.maxSteps()).isZero();
    assertThat(options.epochs()).isEqualTo(3);
    assertThat(options.learningRate()).isEqualTo(5e-5);
    assertThat(options.loraPlusRatio()).isEqualTo(1);
    assertThat(options.loraPlusEmbeddingRate()).isEqualTo(1e-6);
    assertThat(options.warmupSteps()).isZero();
    assertThat(options.schedule()).isEqualTo(Schedule.LINEAR);
    assertThat(options.weightDecay()).isZero();
    assertThat(options.beta1()).isEqualTo(0.9);
    assertThat(options.beta2()).isEqualTo(0.999);
    assertThat(options.epsilon()).isEqualTo(1e-8);
    assertThat(options.maxGradNorm()).isEqualTo(1);
    assertThat(options.seed()).isEqualTo(42);
    assertThat(options.shuffle()).isTrue();
  }

  @Test
  void everyProblemIsInOneException() {
    TrainingOptions.Builder options =
        TrainingOptions.builder()
            .batchSize(0)
            .gradientAccumulation(0)
            .maxSteps(-1)
            .epochs(0)
            .learningRate(Double.NaN)
            .loraPlusRatio(0)
            .loraPlusEmbeddingRate(-1)
            .warmupSteps(-1)
            .warmupRatio(1.5)
            .weightDecay(-0.1)
            .beta1(1)
            .beta2(-1)
            .epsilon(-1)
            .maxGradNorm(Double.POSITIVE_INFINITY)
            .evaluateEvery(-1)
            .earlyStoppingPatience(-1)
            .checkpointEvery(-1)
            .keepCheckpoints(-1)
            .sharePassages(true)
            .groupByLength(true)
            .loadBestAtEnd(true);

    assertThatThrownBy(options::build)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(
            "batchSize must be at least 1, got 0",
            "sharePassages and groupByLength each ask for an order of the data; choose one",
            "gradientAccumulation must be at least 1, got 0",
            "maxSteps must be at least 0, got -1",
            "epochs must be positive and finite, got 0.0",
            "learningRate must be positive and finite, got NaN",
            "loraPlusRatio must be positive and finite, got 0.0",
            "loraPlusEmbeddingRate must be positive and finite, got -1.0",
            "warmupSteps must be at least 0, got -1",
            "warmupRatio must be from 0 to 1, got 1.5",
            "weightDecay must be at least 0 and finite, got -0.1",
            "beta1 must be at least 0 and below 1, got 1.0",
            "beta2 must be at least 0 and below 1, got -1.0",
            "epsilon must be at least 0 and finite, got -1.0",
            "maxGradNorm must be at least 0 and finite, got Infinity",
            "evaluateEvery must be at least 0, got -1",
            "earlyStoppingPatience must be at least 0, got -1",
            "checkpointEvery must be at least 0, got -1",
            "keepCheckpoints must be at least 0, got -1",
            "loadBestAtEnd needs a checkpointDirectory");
  }

  @Test
  void checkpointSettingsNeedADirectory() {
    TrainingOptions.Builder options =
        TrainingOptions.builder().checkpointEvery(5).keepCheckpoints(2);

    assertThatThrownBy(options::build)
        .hasMessageContainingAll("checkpointEvery needs", "keepCheckpoints needs");
    assertThat(options.checkpointDirectory(Path.of("runs")).build().checkpointDirectory())
        .contains(Path.of("runs"));
  }
}
