package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.GoldenTensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CheckpointsTest {

  @Test
  void checkpointIsAnAdapterWithOptimizerAndState(@TempDir Path directory) throws IOException {
    TrainingReport report = train(TinyRun.options().checkpointDirectory(directory).build());

    Path checkpoint = report.lastCheckpoint().orElseThrow();
    assertThat(checkpoint).isEqualTo(directory.resolve("checkpoint-7"));
    assertThat(names(checkpoint))
        .containsExactly(
            "README.md",
            "adapter_config.json",
            "adapter_model.safetensors",
            "optimizer.safetensors",
            "trainer_state.json");
    assertThat(GoldenTensors.read(checkpoint.resolve("optimizer.safetensors")))
        .hasSize(16)
        .containsKeys(
            "exp_avg/transformer.h.0.self_attention.query_key_value.lora_A",
            "exp_avg_sq/transformer.h.1.mlp.dense_h_to_4h.lora_B");
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> loaded = PeftModel.fromPretrained(base, checkpoint)) {
      assertThat(loaded.config().rank()).isEqualTo(4);
    }
  }

  @Test
  void checkpointsComeEveryFewStepsAndInTheEndAndListenersAreTold(@TempDir Path directory)
      throws IOException {
    List<Path> told = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void onCheckpoint(int step, Path checkpoint) {
            assertThat(checkpoint.resolve("trainer_state.json")).exists();
            told.add(checkpoint);
          }
        };

    train(TinyRun.options().checkpointDirectory(directory).checkpointEvery(3).build(), listener);

    assertThat(told)
        .containsExactly(
            directory.resolve("checkpoint-3"),
            directory.resolve("checkpoint-6"),
            directory.resolve("checkpoint-7"));
    assertThat(names(directory)).containsExactly("checkpoint-3", "checkpoint-6", "checkpoint-7");
  }

  @Test
  void oldestAreDeletedBeyondTheNumberToKeep(@TempDir Path directory) throws IOException {
    train(
        TinyRun.options()
            .checkpointDirectory(directory)
            .checkpointEvery(1)
            .keepCheckpoints(2)
            .build());

    assertThat(names(directory)).containsExactly("checkpoint-6", "checkpoint-7");
  }

  @Test
  void whatAKilledRunLeavesIsIgnoredAndCleared(@TempDir Path directory) throws IOException {
    Path leftover = directory.resolve(".checkpoint-9.incomplete123/checkpoint-9");
    Files.createDirectories(leftover);
    Files.writeString(leftover.resolve("trainer_state.json"), "{");
    Files.createDirectories(directory.resolve("checkpoint-notes"));
    Files.createDirectories(directory.resolve("checkpoint-8"));

    assertThat(Checkpoints.find(directory)).isEmpty();
    new Checkpoints(directory).prepare(Optional.empty());

    assertThat(names(directory)).containsExactly("checkpoint-8", "checkpoint-notes");
  }

  @Test
  void newestIsByNumberNotByName(@TempDir Path directory) throws IOException {
    for (int step : new int[] {9, 10, 100, 20}) {
      Path checkpoint = Files.createDirectory(directory.resolve("checkpoint-" + step));
      Files.writeString(checkpoint.resolve("trainer_state.json"), "{}");
    }

    assertThat(Checkpoints.find(directory)).contains(directory.resolve("checkpoint-100"));
    assertThat(Checkpoints.find(directory.resolve("checkpoint-9")))
        .contains(directory.resolve("checkpoint-9"));
    assertThat(Checkpoints.find(directory.resolve("nowhere"))).isEmpty();
  }

  @Test
  void checkpointThatCannotBeWrittenEndsTheRunAndLeavesTheOthers(@TempDir Path directory)
      throws IOException {
    Path checkpoints = directory.resolve("run");
    TrainingOptions options =
        TinyRun.options().checkpointDirectory(checkpoints).checkpointEvery(2).build();
    TrainingListener blocker =
        new TrainingListener() {
          @Override
          public void onCheckpoint(int step, Path checkpoint) throws IOException {
            Files.move(checkpoints, directory.resolve("moved"));
            Files.writeString(checkpoints, "a file in the way");
          }
        };

    assertThatThrownBy(() -> train(options, blocker))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("run");
    assertThat(Checkpoints.find(directory.resolve("moved")))
        .contains(directory.resolve("moved/checkpoint-2"));
  }

  private static TrainingReport train(TrainingOptions options, TrainingListener... listeners)
      throws IOException {
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      LoraTrainer.Builder trainer = TinyRun.trainer(peft, options);
      for (TrainingListener listener : listeners) {
        trainer.listener(listener);
      }
      return trainer.build().train(TinyRun.dataset(13));
    }
  }

  private static List<String> names(Path directory) throws IOException {
    try (var entries = Files.list(directory)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }
}
