package io.github.lora4j.bench;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Loss and gradients of some batches in a process of its own; the twin of {@code
 * python/peft_step.py}. The first batch is run once to warm up, and its gradients are written if
 * the job asks for results; then all batches are timed.
 */
public final class GradientStep {

  private GradientStep() {}

  /**
   * Runs the job and prints loss and seconds of the first batch, losses of all, seconds of each
   * repetition and peak memory.
   *
   * @param args a job file
   * @throws IOException if a file cannot be read or written
   */
  public static void main(String[] args) throws IOException {
    Job job = Job.read(args[0]);
    try (CausalLm base = job.load();
        PeftModel<CausalLm> peft = job.adapters(base, true).get(0)) {
      Steps steps = new Steps(peft.model(), job);
      long begin = System.nanoTime();
      double loss = steps.first();
      double firstSeconds = (System.nanoTime() - begin) / 1e9;
      if (!job.results().isEmpty()) {
        steps.writeGradients(Path.of(job.results()));
      }
      steps.clear();
      List<Double> losses = List.of();
      List<Double> seconds = new ArrayList<>();
      for (int repetition = 0; repetition < job.repetitions(); repetition++) {
        long start = System.nanoTime();
        losses = steps.all();
        seconds.add((System.nanoTime() - start) / 1e9);
      }
      new Outcome()
          .with("loss", loss)
          .with("firstSeconds", firstSeconds)
          .with("losses", losses)
          .with("seconds", seconds)
          .withMemory(base)
          .print();
    }
  }
}
