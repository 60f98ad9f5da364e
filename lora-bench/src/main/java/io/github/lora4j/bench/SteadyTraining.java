package io.github.lora4j.bench;

import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.train.TrainingListener;
import io.github.lora4j.djl.train.TrainingStep;
import java.io.IOException;
import java.nio.file.Path;

/** Whether the memory of a long training stays where it was after its warm-up. */
public final class SteadyTraining implements TrainingListener {

  /** Parts of a run at whose ends memory is read; the first half is warm-up. */
  private static final int PARTS = 20;

  /** Until then the C library's heap still grows: some sizes of arrays come seldom. */
  private static final int WARM_PARTS = 10;

  /** The compiler's code and the allocator's bins may still move this much. */
  private static final double ALLOWED_MIB = 8;

  private final int every;
  private double warm;
  private double highest;

  private SteadyTraining(int steps) {
    this.every = steps / PARTS;
  }

  /**
   * Trains, prints the resident memory twenty times, and exits with 1 if it grew in the second half
   * of them.
   *
   * @param args model directory, a SQuAD file, steps (2000 for the figure in the documentation)
   * @throws IOException if a file cannot be read
   */
  public static void main(String[] args) throws IOException {
    double growth = growth(Path.of(args[0]), Path.of(args[1]), Integer.parseInt(args[2]));
    new Outcome().with("growthMiB", growth).print();
    if (growth > ALLOWED_MIB) {
      System.exit(1);
    }
  }

  static double growth(Path model, Path squad, int steps) throws IOException {
    SteadyTraining watch = new SteadyTraining(steps);
    SquadTraining.run(model, squad, Precision.FP32, steps, watch);
    return watch.highest - watch.warm;
  }

  @Override
  public void onStep(TrainingStep step) throws IOException {
    if (step.step() % every != 0) {
      return;
    }
    double resident = Outcome.status("VmRSS:");
    System.out.printf("step %d: %.1f MiB resident%n", step.step(), resident);
    if (step.step() <= WARM_PARTS * every) {
      warm = resident;
    }
    highest = Math.max(step.step() <= WARM_PARTS * every ? 0 : highest, resident);
  }
}
