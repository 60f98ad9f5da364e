package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.TokenDataset;
import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.spi.ParameterInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("NullAway.Init") // JUnit calls the method that sets the base
final class LoraTrainerTest {

  private static final TrainingDataset DATA = TinyRun.dataset(13);

  private CausalLm base;

  @BeforeEach
  void loadBase() throws IOException {
    base = TinyRun.base();
  }

  @AfterEach
  void closeBase() {
    base.close();
  }

  private Map<String, List<Integer>> trained(TrainingOptions options) throws IOException {
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      TinyRun.trainer(peft, options).build().train(DATA);
      return TinyRun.bits(peft);
    }
  }

  @Test
  void lossFallsAndEveryStepIsReported() throws IOException {
    List<TrainingStep> told = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void onStep(TrainingStep step) {
            told.add(step);
          }
        };
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      TrainingReport report =
          TinyRun.trainer(peft, TinyRun.options().maxSteps(0).epochs(6).build())
              .listener(listener)
              .build()
              .train(DATA);

      assertThat(report.stopReason()).isEqualTo(StopReason.COMPLETED);
      assertThat(report.steps()).isEqualTo(told).hasSize(18);
      assertThat(report.evaluations()).isEmpty();
      assertThat(report.lastCheckpoint()).isEmpty();
      assertThat(report.bestCheckpoint()).isEmpty();
      assertThat(told.get(0).learningRate()).isZero();
      assertThat(told.get(17).epoch()).isEqualTo(6);
      assertThat(told.get(17).loss()).isLessThan(0.8 * told.get(0).loss());
      assertThat(told).allMatch(step -> step.tokensPerSecond() > 0);
    }
  }

  @Test
  void sameRunTwiceGivesTheSameBits() throws IOException {
    assertThat(trained(TinyRun.options().build())).isEqualTo(trained(TinyRun.options().build()));
  }

  @Test
  void seedDecidesOrderAndDropout() throws IOException {
    TrainingOptions inOrder = TinyRun.options().shuffle(false).build();
    TrainingOptions otherMasks = TinyRun.options().shuffle(false).seed(43).build();

    assertThat(trained(inOrder))
        .isNotEqualTo(trained(otherMasks))
        .isNotEqualTo(trained(TinyRun.options().build()));
  }

  @Test
  void recomputationChangesNoBit() throws IOException {
    assertThat(trained(TinyRun.options().recompute(true).build()))
        .isEqualTo(trained(TinyRun.options().build()));
  }

  @Test
  void baseIsTheSameAfterTraining() throws IOException {
    long before = checksumOfBase();

    trained(TinyRun.options().build());

    assertThat(checksumOfBase()).isEqualTo(before);
  }

  private long checksumOfBase() {
    CRC32C checksum = new CRC32C();
    for (ParameterInfo parameter : base.modules().parameters()) {
      float[] values = base.decoder().parameter(parameter.name()).values();
      ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * values.length);
      bytes.asFloatBuffer().put(values);
      checksum.update(bytes);
    }
    return checksum.getValue();
  }

  @Test
  void managedArraysStayFlatBetweenStepsAndGoBackInTheEnd() throws IOException {
    int before = ManagedArrays.below(base.decoder().manager());
    List<Integer> counts = new ArrayList<>();
    TrainingListener counter =
        new TrainingListener() {
          @Override
          public void onStep(TrainingStep step) {
            counts.add(ManagedArrays.below(base.decoder().manager()));
          }

          @Override
          public void onEvaluation(Evaluation evaluation) {
            counts.add(ManagedArrays.below(base.decoder().manager()));
          }
        };
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      TinyRun.trainer(peft, TinyRun.options().evaluateEvery(2).build())
          .validation(TinyRun.dataset(5))
          .listener(counter)
          .build()
          .train(DATA);
    }

    assertThat(counts).hasSize(11).containsOnly(before + 4); // a manager, two moments, a mask
    assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(before);
  }

  @Test
  void twoTrainingsAtOnceEqualTheirSequentialRuns() throws Exception {
    List<TrainingOptions> options =
        List.of(
            TinyRun.options().maxSteps(20).build(),
            TinyRun.options().maxSteps(20).seed(7).batchSize(3).build());
    List<Map<String, List<Integer>>> sequential = new ArrayList<>();
    for (TrainingOptions one : options) {
      sequential.add(trained(one));
    }

    List<Map<String, List<Integer>>> concurrent = InParallel.run(options, this::trained);

    assertThat(concurrent).isEqualTo(sequential);
  }

  @Test
  void stopEndsAfterTheCurrentStep() throws IOException {
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      List<LoraTrainer> running = new ArrayList<>();
      LoraTrainer trainer =
          TinyRun.trainer(peft, TinyRun.options().build())
              .listener(atStep(2, () -> running.get(0).stop()))
              .build();
      running.add(trainer);

      TrainingReport report = trainer.train(DATA);

      assertThat(report.stopReason()).isEqualTo(StopReason.STOPPED);
      assertThat(report.steps()).hasSize(2);
      assertThat(trainer.train(DATA).steps()).as("the stop is used up").hasSize(2);
    }
  }

  @Test
  void interruptEndsLikeStopAndStaysSet(@TempDir Path directory) throws IOException {
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      TrainingReport report =
          TinyRun.trainer(peft, TinyRun.options().checkpointDirectory(directory).build())
              .listener(atStep(3, Thread.currentThread()::interrupt))
              .build()
              .train(DATA);

      assertThat(Thread.interrupted()).isTrue();
      assertThat(report.stopReason()).isEqualTo(StopReason.STOPPED);
      assertThat(report.lastCheckpoint()).contains(directory.resolve("checkpoint-3"));
    } finally {
      Thread.interrupted();
    }
  }

  private static TrainingListener atStep(int step, Runnable action) {
    return new TrainingListener() {
      @Override
      public void onStep(TrainingStep record) {
        if (record.step() == step) {
          action.run();
        }
      }
    };
  }

  @Test
  void adapterLoadedForInferenceIsRefused(@TempDir Path directory) throws IOException {
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      peft.save(directory.resolve("adapter"));
    }
    try (PeftModel<CausalLm> loaded =
        PeftModel.fromPretrained(base, directory.resolve("adapter"))) {
      LoraTrainer trainer = TinyRun.trainer(loaded, TinyRun.options().build()).build();

      assertThatThrownBy(() -> trainer.train(DATA))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("fromPretrained(base, directory, true)");
    }
  }

  @Test
  void closedViewIsRefused() {
    PeftModel<CausalLm> peft = TinyRun.wrap(base);
    peft.close();
    LoraTrainer trainer = TinyRun.trainer(peft, TinyRun.options().build()).build();

    assertThatThrownBy(() -> trainer.train(DATA))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("the view is closed");
  }

  @Test
  void adapterInTrainingIsNotTrainedTwice() throws IOException {
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      LoraTrainer second = TinyRun.trainer(peft, TinyRun.options().build()).build();
      List<Throwable> refused = new ArrayList<>();
      TrainingListener intruder =
          new TrainingListener() {
            @Override
            public void onStep(TrainingStep step) throws IOException {
              try {
                second.train(DATA);
              } catch (IllegalStateException e) {
                refused.add(e);
              }
            }
          };

      TinyRun.trainer(peft, TinyRun.options().maxSteps(1).build())
          .listener(intruder)
          .build()
          .train(DATA);

      assertThat(refused).singleElement().asString().contains("is being trained already");
    }
  }

  @Test
  void emptyDataAndIdsOutsideTheVocabularyAreRefused() {
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      LoraTrainer trainer = TinyRun.trainer(peft, TinyRun.options().build()).build();

      assertThatThrownBy(() -> trainer.train(TokenDataset.of(List.of())))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the dataset is empty");
      assertThatThrownBy(() -> trainer.train(TokenDataset.of(List.of(new int[] {1, 101}))))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("token id 101, the vocabulary has ids 0 to 100");
    }
  }

  @Test
  void lossThatIsNotFiniteStopsTheRunAndKeepsTheLastStep() {
    TrainingOptions options =
        TinyRun.options().learningRate(1e30).warmupSteps(0).maxGradNorm(0).build();
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      LoraTrainer trainer = TinyRun.trainer(peft, options).build();

      assertThatThrownBy(() -> trainer.train(DATA))
          .isInstanceOf(LoraException.class)
          .hasMessageContaining("loss of step 2 is NaN")
          .hasMessageContaining("the adapter is as after step 1");
      assertThat(peft.tensors().values())
          .allSatisfy(
              tensor -> {
                for (float value : tensor.values()) {
                  assertThat(value).isFinite();
                }
              });
    }
  }

  @Test
  void stepWithoutALabelIsNamedWithItsExamples() {
    TrainingDataset data =
        TrainingDataset.of(
            List.of(
                TokenExample.of(new int[] {1, 2, 3}),
                new TokenExample(new int[] {1, 2, 3}, new int[] {1, -100, -100})));
    TrainingOptions options =
        TrainingOptions.builder().batchSize(1).maxSteps(2).shuffle(false).build();
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      LoraTrainer trainer = TinyRun.trainer(peft, options).build();

      assertThatThrownBy(() -> trainer.train(data))
          .isInstanceOf(LoraException.class)
          .hasMessageContaining("step 2 has no label in any of its examples [1]");
    }
  }

  @Test
  void runThatMovesNothingIsStopped() throws IOException {
    GoldenCurve golden = new GoldenCurve("linear"); // in a fresh B, all 0, any step shows
    try (CausalLm goldenBase = golden.base();
        PeftModel<CausalLm> peft = golden.trained(goldenBase)) {
      LoraTrainer trainer =
          TinyRun.trainer(peft, golden.options().learningRate(1e-20).weightDecay(0).build())
              .build();

      assertThatThrownBy(() -> trainer.train(golden.dataset()))
          .isInstanceOf(LoraException.class)
          .hasMessageContaining("no tensor of the adapter moved in 3 steps")
          .hasMessageContaining("at step 4");
    }
  }

  @Test
  void validationSettingsNeedAValidationSet(@TempDir Path directory) {
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      assertThatThrownBy(
              TinyRun.trainer(peft, TinyRun.options().earlyStoppingPatience(1).build())::build)
          .hasMessageContaining("earlyStoppingPatience needs a validation set");
      assertThatThrownBy(
              TinyRun.trainer(
                      peft,
                      TinyRun.options().loadBestAtEnd(true).checkpointDirectory(directory).build())
                  ::build)
          .hasMessageContaining("loadBestAtEnd needs a validation set");
    }
  }
}
