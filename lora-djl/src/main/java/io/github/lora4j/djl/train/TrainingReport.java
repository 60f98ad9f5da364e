package io.github.lora4j.djl.train;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a training did. After a resume it tells the whole run, the steps before it included.
 *
 * @param steps one record an optimiser step
 * @param evaluations of the validation set, empty without one
 * @param stopReason why it ended
 * @param lastCheckpoint the newest checkpoint of this run; empty if none was written
 * @param bestCheckpoint the checkpoint with the lowest validation loss; empty without a validation
 *     set or a checkpoint directory
 * @since 0.1.0
 */
public record TrainingReport(
    List<TrainingStep> steps,
    List<Evaluation> evaluations,
    StopReason stopReason,
    Optional<Path> lastCheckpoint,
    Optional<Path> bestCheckpoint) {

  /** Copies the lists. */
  public TrainingReport {
    steps = List.copyOf(steps);
    evaluations = List.copyOf(evaluations);
  }
}
