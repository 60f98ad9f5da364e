package io.github.lora4j.djl.train;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Is told what happens, on the thread that trains. An exception ends the training.
 *
 * @since 0.1.0
 */
public interface TrainingListener {

  /**
   * An optimiser step was taken.
   *
   * @param step its record
   * @throws IOException if it cannot be written where the listener writes
   */
  default void onStep(TrainingStep step) throws IOException {}

  /**
   * The validation set was evaluated.
   *
   * @param evaluation its loss
   * @throws IOException if it cannot be written where the listener writes
   */
  default void onEvaluation(Evaluation evaluation) throws IOException {}

  /**
   * A checkpoint is complete on disk.
   *
   * @param step optimiser steps taken before
   * @param directory the checkpoint
   * @throws IOException if the listener reads or writes and fails
   */
  default void onCheckpoint(int step, Path directory) throws IOException {}
}
