package io.github.lora4j.bench;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Trainings of several adapters at once on one base, a thread each; set beside as many processes of
 * {@code python/peft_step.py}.
 */
public final class TwoTrainings {

  private TwoTrainings() {}

  /**
   * Runs the job once for each of its adapters, all together, and prints the loss of the first
   * batch for each, the seconds until the last one was done, warm-up excluded, and peak memory.
   *
   * @param args a job file
   * @throws IOException if a file cannot be read
   * @throws InterruptedException if this thread is interrupted
   * @throws ExecutionException if a training fails
   */
  public static void main(String[] args)
      throws IOException, InterruptedException, ExecutionException {
    Job job = Job.read(args[0]);
    try (CausalLm base = job.load()) {
      List<PeftModel<CausalLm>> views = job.adapters(base, true);
      ExecutorService threads = Executors.newFixedThreadPool(views.size());
      try {
        long[] start = new long[1];
        CyclicBarrier warm = new CyclicBarrier(views.size(), () -> start[0] = System.nanoTime());
        List<Future<Double>> losses = new ArrayList<>();
        for (PeftModel<CausalLm> view : views) {
          losses.add(threads.submit(() -> train(new Steps(view.model(), job), job, warm)));
        }
        List<Double> firstLosses = new ArrayList<>();
        for (Future<Double> loss : losses) {
          firstLosses.add(loss.get());
        }
        new Outcome()
            .with("losses", firstLosses)
            .with("seconds", List.of((System.nanoTime() - start[0]) / 1e9))
            .withMemory(base)
            .print();
      } finally {
        threads.shutdownNow();
        views.forEach(PeftModel::close);
      }
    }
  }

  private static double train(Steps steps, Job job, CyclicBarrier warm) throws Exception {
    double loss = steps.first();
    steps.clear();
    warm.await();
    for (int repetition = 0; repetition < job.repetitions(); repetition++) {
      steps.all();
    }
    return loss;
  }
}
