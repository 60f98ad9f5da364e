package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.MatrixLibrary;
import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Dropout 0.1, accumulation, shuffling; steps 1 to 3 are the first epoch, 4 to 6 the second. */
@SuppressWarnings("NullAway.Init") // JUnit calls the method that sets the base
final class ResumeTest {

  private static final TrainingDataset DATA = TinyRun.dataset(13);
  private static final TrainingDataset HELD_OUT = TinyRun.dataset(5);

  private CausalLm base;

  @BeforeEach
  void loadBase() throws IOException {
    base = TinyRun.base();
  }

  @AfterEach
  void closeBase() {
    base.close();
  }

  /** What a run leaves: the adapter and the numbers that it reported. */
  private record Outcome(Map<String, List<Integer>> bits, List<String> numbers) {}

  private static Outcome outcome(PeftModel<CausalLm> peft, TrainingReport report) {
    List<String> numbers = new ArrayList<>();
    for (TrainingStep step : report.steps()) {
      numbers.add(
          "%d %s %s %s %s"
              .formatted(
                  step.step(), step.epoch(), step.loss(), step.gradNorm(), step.learningRate()));
    }
    report.evaluations().forEach(evaluation -> numbers.add(evaluation.toString()));
    return new Outcome(TinyRun.bits(peft), numbers);
  }

  private Outcome uninterrupted() throws IOException {
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      return outcome(
          peft,
          TinyRun.trainer(peft, TinyRun.options().build())
              .validation(HELD_OUT)
              .build()
              .train(DATA));
    }
  }

  private void trainUntil(int step, TrainingOptions options) throws IOException {
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      List<LoraTrainer> running = new ArrayList<>();
      TrainingListener stopper =
          new TrainingListener() {
            @Override
            public void onStep(TrainingStep record) {
              if (record.step() == step) {
                running.get(0).stop();
              }
            }
          };
      running.add(TinyRun.trainer(peft, options).validation(HELD_OUT).listener(stopper).build());
      running.get(0).train(DATA);
    }
  }

  private Outcome resumed(Path from, TrainingOptions options) throws IOException {
    // another seed of the initialisation: what counts must come from the checkpoint
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, TinyRun.config(0.1).build(), 99)) {
      return outcome(
          peft,
          TinyRun.trainer(peft, options).validation(HELD_OUT).resumeFrom(from).build().train(DATA));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 5})
  void resumedRunEqualsAnUninterruptedOneBitForBit(int step, @TempDir Path directory)
      throws IOException {
    TrainingOptions options = TinyRun.options().checkpointDirectory(directory).build();
    trainUntil(step, options);

    assertThat(resumed(directory, options)).isEqualTo(uninterrupted());
  }

  @Test
  void runMayBeResumedOnAViewLoadedFromTheCheckpoint(@TempDir Path directory) throws IOException {
    TrainingOptions options = TinyRun.options().checkpointDirectory(directory).build();
    trainUntil(4, options);

    Path checkpoint = directory.resolve("checkpoint-4");
    try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, checkpoint, true)) {
      TrainingReport report =
          TinyRun.trainer(peft, options)
              .validation(HELD_OUT)
              .resumeFrom(checkpoint)
              .build()
              .train(DATA);

      assertThat(outcome(peft, report)).isEqualTo(uninterrupted());
    }
  }

  @Test
  void ratioOfLearningRatesIsAPartOfTheRun(@TempDir Path directory) throws IOException {
    trainUntil(2, TinyRun.options().loraPlusRatio(4).checkpointDirectory(directory).build());

    assertThatThrownBy(
            () -> resumed(directory, TinyRun.options().checkpointDirectory(directory).build()))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("loraPlusRatio: checkpoint 4.0, now nothing");
  }

  @Test
  void earlierCheckpointMayBeChosenAndLaterOnesAreReplaced(@TempDir Path directory)
      throws IOException {
    TrainingOptions options =
        TinyRun.options().checkpointDirectory(directory).checkpointEvery(2).build();
    trainUntil(6, options);

    assertThat(resumed(directory.resolve("checkpoint-2"), options)).isEqualTo(uninterrupted());
    assertThat(names(directory))
        .containsExactly(
            "checkpoint-2", "checkpoint-3", "checkpoint-4", "checkpoint-6", "checkpoint-7");
  }

  private static List<String> names(Path directory) throws IOException {
    try (var entries = Files.list(directory)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void finishedRunHasNothingLeftToDo(@TempDir Path directory) throws IOException {
    TrainingOptions options = TinyRun.options().checkpointDirectory(directory).build();
    trainUntil(99, options);

    assertThat(resumed(directory, options)).isEqualTo(uninterrupted());
  }

  @Test
  void constantRunMayBeMadeLonger(@TempDir Path directory) throws IOException {
    UnaryOperator<TrainingOptions.Builder> constant = o -> o.schedule(Schedule.CONSTANT);
    trainUntil(
        99, constant.apply(TinyRun.options()).maxSteps(3).checkpointDirectory(directory).build());

    Outcome longer = resumed(directory, constant.apply(TinyRun.options()).build());

    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      TrainingReport report =
          TinyRun.trainer(peft, constant.apply(TinyRun.options()).build())
              .validation(HELD_OUT)
              .build()
              .train(DATA);
      assertThat(longer).isEqualTo(outcome(peft, report));
    }
  }

  @Test
  void otherOptionsAndDataAreRefusedWithAllDifferences(@TempDir Path directory) throws IOException {
    trainUntil(2, TinyRun.options().checkpointDirectory(directory).build());
    TrainingOptions other =
        TinyRun.options().batchSize(4).learningRate(0.02).seed(1).maxSteps(9).build();
    LoraConfig wider = TinyRun.config(0.2).rank(8).build();

    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, wider)) {
      Map<String, List<Integer>> before = TinyRun.bits(peft);
      LoraTrainer trainer = TinyRun.trainer(peft, other).resumeFrom(directory).build();

      assertThatThrownBy(() -> trainer.train(TinyRun.dataset(12)))
          .isInstanceOf(LoraException.class)
          .hasMessageContainingAll(
              "checkpoint-2 belongs to another run (12 differences)",
              "batchSize: checkpoint 2, now 4",
              "learningRate: checkpoint 0.01, now 0.02",
              "steps: checkpoint 7, now 9",
              "seed: checkpoint 42, now 1",
              "dataset size: checkpoint 13, now 12",
              "dataset checksum",
              "validation size: checkpoint 5, now nothing",
              "pair transformer.h.0.mlp.dense_h_to_4h: checkpoint rank 4, scaling 2.0, dropout 0.1,"
                  + " 32 to 128, now rank 8, scaling 1.0, dropout 0.2, 32 to 128");
      assertThat(TinyRun.bits(peft)).isEqualTo(before);
    }
  }

  @Test
  void otherLibraryIsRefusedAndTheMessageSaysHowToLoadTheBase(@TempDir Path directory)
      throws IOException {
    TrainingOptions options = TinyRun.options().checkpointDirectory(directory).build();
    trainUntil(2, options);

    try (CausalLm other = TinyRun.base(MatrixLibrary.ONEDNN);
        PeftModel<CausalLm> peft = TinyRun.wrap(other)) {
      LoraTrainer trainer = resuming(peft, directory);

      assertThatThrownBy(() -> trainer.train(DATA))
          .isInstanceOf(LoraException.class)
          .hasMessageContainingAll(
              "(1 differences)",
              "matrix library: checkpoint MKL, now ONEDNN; load the base with"
                  + " LoadOptions.builder().matrixLibrary(MatrixLibrary.MKL)");
    }
    LoadOptions half = LoadOptions.builder().precision(Precision.BF16).build();
    try (CausalLm other = CausalLm.load(TinyRun.CHECKPOINT, half);
        PeftModel<CausalLm> peft = TinyRun.wrap(other)) {
      TrainingReport report = resuming(peft, directory).train(DATA);

      assertThat(report.steps()).as("a run may go on in another precision").hasSize(7);
    }
  }

  private static LoraTrainer resuming(PeftModel<CausalLm> peft, Path directory) {
    return TinyRun.trainer(peft, TinyRun.options().checkpointDirectory(directory).build())
        .validation(HELD_OUT)
        .resumeFrom(directory)
        .build();
  }

  @Test
  void missingCheckpointIsNamed(@TempDir Path directory) {
    assertThatThrownBy(() -> resumed(directory, TinyRun.options().build()))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("to begin a new run, leave resumeFrom out");
  }

  @Test
  void incompleteOptimizerIsRefusedAndLeavesTheAdapterAsItWas(@TempDir Path directory)
      throws IOException {
    TrainingOptions options = TinyRun.options().checkpointDirectory(directory).build();
    trainUntil(2, options);
    new SafetensorsWriter()
        .add("exp_avg/x", List.of(1L), new float[] {1})
        .writeTo(directory.resolve("checkpoint-2/optimizer.safetensors"));

    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, TinyRun.config(0.1).build(), 99)) {
      Map<String, List<Integer>> before = TinyRun.bits(peft);
      LoraTrainer trainer =
          TinyRun.trainer(peft, options).validation(HELD_OUT).resumeFrom(directory).build();

      assertThatThrownBy(() -> trainer.train(DATA))
          .isInstanceOf(LoraException.class)
          .hasMessageContaining("the optimizer's state has nothing for exp_avg/transformer.h.0");
      assertThat(TinyRun.bits(peft)).isEqualTo(before);
    }
  }

  @Test
  void runStoppedBeforeItsFirstStepIsResumedFromTheStart(@TempDir Path directory)
      throws IOException {
    TrainingOptions options = TinyRun.options().checkpointDirectory(directory).build();
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      LoraTrainer trainer = TinyRun.trainer(peft, options).validation(HELD_OUT).build();
      trainer.stop();

      TrainingReport report = trainer.train(DATA);

      assertThat(report.steps()).isEmpty();
      assertThat(report.lastCheckpoint()).contains(directory.resolve("checkpoint-0"));
      assertThat(report.bestCheckpoint()).isEmpty();
    }
    assertThat(resumed(directory, options)).isEqualTo(uninterrupted());
  }

  @Test
  void damagedStateIsNamed(@TempDir Path directory) throws IOException {
    TrainingOptions options = TinyRun.options().checkpointDirectory(directory).build();
    trainUntil(2, options);
    Path state = directory.resolve("checkpoint-2/trainer_state.json");
    String text = Files.readString(state);

    Files.writeString(state, text.substring(0, 200));
    assertThatThrownBy(() -> resumed(directory, options))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("trainer_state.json is damaged");

    Files.writeString(state, text.replace("lora4j-training-1", "lora4j-training-9"));
    assertThatThrownBy(() -> resumed(directory, options))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("has no format lora4j-training-1");
  }

  @Test
  void newRunDoesNotMixItsCheckpointsWithThoseOfAnother(@TempDir Path directory)
      throws IOException {
    TrainingOptions options = TinyRun.options().checkpointDirectory(directory).build();
    trainUntil(2, options);

    assertThatThrownBy(() -> trainUntil(3, options))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("checkpoint-2 belongs to an earlier run: resume from it, delete it");
  }
}
