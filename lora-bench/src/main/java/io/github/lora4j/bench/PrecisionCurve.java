package io.github.lora4j.bench;

import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.train.TrainingListener;
import io.github.lora4j.djl.train.TrainingStep;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** How far the loss curve of a training in bf16 is from that of the same training in fp32. */
public final class PrecisionCurve {

  private static final double ALLOWED = 0.02;

  private PrecisionCurve() {}

  /**
   * Trains twice, prints both losses of every step and the largest relative difference, and exits
   * with 1 if that is above 2 %.
   *
   * @param args model directory, a SQuAD file, steps (100 for the figure in the documentation)
   * @throws IOException if a file cannot be read
   */
  public static void main(String[] args) throws IOException {
    double difference = difference(Path.of(args[0]), Path.of(args[1]), Integer.parseInt(args[2]));
    new Outcome().with("largestDifference", difference).print();
    if (difference > ALLOWED) {
      System.exit(1);
    }
  }

  static double difference(Path model, Path squad, int steps) throws IOException {
    List<Double> exact = losses(model, squad, Precision.FP32, steps);
    List<Double> rounded = losses(model, squad, Precision.BF16, steps);
    double largest = 0;
    for (int step = 0; step < steps; step++) {
      double difference = Math.abs(rounded.get(step) - exact.get(step)) / exact.get(step);
      System.out.printf(
          "step %d: fp32 %.5f, bf16 %.5f, %.2f %%%n",
          step + 1, exact.get(step), rounded.get(step), 100 * difference);
      largest = Math.max(largest, difference);
    }
    return largest;
  }

  private static List<Double> losses(Path model, Path squad, Precision precision, int steps)
      throws IOException {
    return SquadTraining.run(model, squad, precision, steps, new TrainingListener() {})
        .steps()
        .stream()
        .map(TrainingStep::loss)
        .toList();
  }
}
