package io.github.lora4j.djl.train;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import java.io.IOException;
import java.nio.file.Path;

/** A process that trains until it is killed: it says so on its output and then waits. */
final class KilledTraining {

  static final String READY = "ready to be killed";
  private static final int LAST_STEP = 5;

  private KilledTraining() {}

  static TrainingOptions options(Path directory) {
    return TinyRun.options()
        .checkpointDirectory(directory)
        .checkpointEvery(2)
        .keepCheckpoints(1)
        .build();
  }

  public static void main(String[] arguments) throws IOException {
    TrainingListener waiter =
        new TrainingListener() {
          @Override
          public void onStep(TrainingStep step) {
            if (step.step() == LAST_STEP) {
              System.out.println(READY);
              waitForTheEnd();
            }
          }
        };
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      TinyRun.trainer(peft, options(Path.of(arguments[0])))
          .listener(waiter)
          .build()
          .train(TinyRun.dataset(13));
    }
  }

  private static void waitForTheEnd() {
    try {
      Thread.currentThread().join();
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts this process", e);
    }
  }
}
