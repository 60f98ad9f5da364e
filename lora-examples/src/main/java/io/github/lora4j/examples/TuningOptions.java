package io.github.lora4j.examples;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.djl.train.Recompute;
import io.github.lora4j.djl.train.TrainingOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How an adapter is trained; what is not given follows {@link ExampleDefaults}. */
final class TuningOptions {

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command = CommandSpec.create();

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = ExampleDefaults.STEPS,
      description = "Optimiser steps. Default: ${DEFAULT-VALUE}.")
  private int steps;

  @Mixin private final LoraOptions lora = new LoraOptions();

  @Option(
      names = "--learning-rate",
      paramLabel = "LR",
      description = "Peak learning rate. Default: ${bundle:default.learningRate}.")
  private @Nullable Double learningRate;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      description = "Steps up to the peak. Default: ${bundle:default.warmupSteps}.")
  private @Nullable Integer warmup;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      description = "Sequences in a pass. Default: ${bundle:default.batchSize}.")
  private @Nullable Integer batchSize;

  @Option(
      names = "--accumulation",
      paramLabel = "N",
      description = "Passes in an optimiser step. Default: ${bundle:default.accumulation}.")
  private @Nullable Integer accumulation;

  @Option(
      names = "--recompute",
      negatable = true,
      description =
          "Compute layers again in the backward pass: less memory, more time. Default: "
              + "${bundle:default.recompute}.")
  private @Nullable Boolean recompute;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description =
          "Longer training examples are left out, and counted. Default:"
              + " ${bundle:default.maxTokens}.")
  private @Nullable Integer maxTokens;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "42",
      description = "Decides initial values, order and dropout. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      description = "Steps between checkpoints. Default: ${bundle:default.checkpointEvery}.")
  private @Nullable Integer checkpointEvery;

  /**
   * Refuses what nothing can be trained with, before minutes are spent on loading a base.
   *
   * @throws ParameterException that lists all problems
   */
  void check(ExampleDefaults defaults) {
    List<String> problems = new ArrayList<>();
    if (steps < 1) {
      problems.add("--steps must be at least 1, got " + steps);
    }
    try {
      lora(defaults);
    } catch (IllegalArgumentException e) {
      problems.add(e.getMessage());
    }
    try {
      training(defaults, Math.max(1, steps), Path.of(""));
    } catch (IllegalArgumentException e) {
      problems.add(e.getMessage());
    }
    if (!problems.isEmpty()) {
      throw new ParameterException(command.commandLine(), String.join("; ", problems));
    }
  }

  int steps() {
    return steps;
  }

  long seed() {
    return seed;
  }

  int maxTokens(ExampleDefaults defaults) {
    return maxTokens == null ? defaults.maxTokens() : maxTokens;
  }

  LoraConfig lora(ExampleDefaults defaults) {
    return lora.config(defaults);
  }

  private Recompute recompute(ExampleDefaults defaults) {
    if (recompute == null) {
      return defaults.recompute();
    }
    return recompute ? Recompute.ON : Recompute.OFF;
  }

  TrainingOptions training(ExampleDefaults defaults, int steps, Path checkpoints) {
    return TrainingOptions.builder()
        .maxSteps(steps)
        .batchSize(batchSize == null ? defaults.batchSize() : batchSize)
        .gradientAccumulation(accumulation == null ? defaults.accumulation() : accumulation)
        .learningRate(learningRate == null ? defaults.learningRate() : learningRate)
        .warmupSteps(warmup == null ? defaults.warmupSteps() : warmup)
        .recompute(recompute(defaults))
        .seed(seed)
        .checkpointDirectory(checkpoints)
        .checkpointEvery(checkpointEvery == null ? defaults.checkpointEvery() : checkpointEvery)
        .keepCheckpoints(2)
        .build();
  }
}
