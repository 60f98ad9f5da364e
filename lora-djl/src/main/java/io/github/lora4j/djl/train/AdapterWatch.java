package io.github.lora4j.djl.train;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.layer.AdapterWeights;
import java.util.Arrays;

/**
 * Watches whether the first steps of a run move anything: a training that changes nothing should
 * not take hours to show it.
 */
final class AdapterWatch {

  /** How many steps with a positive learning rate may pass without a change. */
  static final int STEPS = 3;

  private final AdapterWeights adapter;
  private float[] before = {};
  private int stepsLeft;

  /**
   * A watch.
   *
   * @param adapter what is trained
   * @param taken steps of the run before; after a resume the rate may rightly be too low to show
   */
  AdapterWatch(AdapterWeights adapter, int taken) {
    this.adapter = adapter;
    if (taken == 0) {
      before = adapter.flatValues().toFloatArray();
      stepsLeft = STEPS;
    }
  }

  /**
   * Looks at the adapter after a step.
   *
   * @throws LoraException if nothing has moved for {@value #STEPS} steps
   */
  void after(TrainingStep step) {
    if (stepsLeft == 0 || step.learningRate() == 0 || step.skipped()) {
      return;
    }
    stepsLeft--;
    if (!Arrays.equals(before, adapter.flatValues().toFloatArray())) {
      stepsLeft = 0;
      before = new float[0];
    } else if (stepsLeft == 0) {
      throw new LoraException(
          ("no tensor of the adapter moved in %d steps with a positive learning rate: at step %d the"
                  + " learning rate was %s and the norm of the gradients %s; raise the learning rate,"
                  + " or check the labels if the norm is 0")
              .formatted(STEPS, step.step(), step.learningRate(), step.gradNorm()));
    }
  }
}
