package io.github.lora4j.examples;

import static io.github.lora4j.djl.train.Recompute.AUTO;

import io.github.lora4j.djl.train.Recompute;

/**
 * Everything that is tuned, in one place. The command line overrides each of them.
 *
 * @param rank of the low-rank pairs
 * @param alpha numerator of their scaling
 * @param dropout probability in front of A
 * @param learningRate peak of the schedule
 * @param warmupSteps optimiser steps up to the peak
 * @param batchSize sequences in a pass
 * @param accumulation passes in an optimiser step
 * @param recompute which layers are computed again in the backward pass instead of kept
 * @param maxTokens examples that are longer are left out, tokens
 * @param answerTokens longest answer, tokens
 * @param evaluate questions of the held-out set that are asked; 0 for all
 * @param checkpointEvery steps between checkpoints
 */
record ExampleDefaults(
    int rank,
    double alpha,
    double dropout,
    double learningRate,
    int warmupSteps,
    int batchSize,
    int accumulation,
    Recompute recompute,
    int maxTokens,
    int answerTokens,
    int evaluate,
    int checkpointEvery) {

  /** Optimiser steps where none are asked for. */
  static final String STEPS = "100";

  /** For the tiny BLOOM in the jar: small enough for steep steps and whole batches. */
  static final ExampleDefaults EMBEDDED =
      new ExampleDefaults(8, 16, 0.05, 8e-3, 10, 16, 1, AUTO, 512, 40, 0, 25);

  /** For a published model: the recipe of the original walkthrough. */
  static final ExampleDefaults PUBLISHED =
      new ExampleDefaults(8, 16, 0.05, 1e-3, 100, 4, 4, AUTO, 384, 24, 20, 10);

  /** Steps that teach the second task to a base that has no mail adapter yet. */
  static final int MAIL_STEPS = 20;

  /** Longest e-mail, tokens. */
  static final int MAIL_TOKENS = 120;

  static ExampleDefaults of(boolean embedded) {
    return embedded ? EMBEDDED : PUBLISHED;
  }
}
