package io.github.lora4j.examples;

import io.github.lora4j.djl.train.TrainingListener;
import io.github.lora4j.djl.train.TrainingStep;

/**
 * Tells every tenth part of a training in a line, where there is no terminal for a progress bar.
 *
 * @param steps of the whole training
 * @param page where to print
 */
record StepLines(int steps, Page page) implements TrainingListener {

  private static final int LINES = 10;

  @Override
  public void onStep(TrainingStep step) {
    int every = Math.max(1, steps / LINES);
    if (step.step() % every == 0 || step.step() == steps) {
      page.say(
          "step %d of %d  loss %.4f  learning rate %.1e  %.0f tokens/s",
          step.step(), steps, step.loss(), step.learningRate(), step.tokensPerSecond());
    }
  }
}
