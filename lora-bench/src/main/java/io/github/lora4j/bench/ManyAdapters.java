package io.github.lora4j.bench;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Loads many adapters on one base, switches between them and merges the first; the twin of {@code
 * python/peft_adapters.py}.
 */
public final class ManyAdapters {

  /** A switch is a reference: one alone is below what the clock tells. */
  private static final int SWITCHES = 1_000_000;

  private static final double NANOS = 1e9;

  private ManyAdapters() {}

  /**
   * Runs the job and prints the seconds of every load, of a switch and of the merge.
   *
   * @param args a job file
   * @throws IOException if a file cannot be read or written
   */
  public static void main(String[] args) throws IOException {
    Job job = Job.read(args[0]);
    TokenBatch batch = job.tokenBatches().get(0);
    List<PeftModel<CausalLm>> views = new ArrayList<>();
    List<Double> loads = new ArrayList<>();
    SafetensorsWriter results = new SafetensorsWriter();
    try (CausalLm base = job.load()) {
      for (String adapter : job.adapters()) {
        long start = System.nanoTime();
        views.add(PeftModel.fromPretrained(base, Path.of(adapter)));
        loads.add((System.nanoTime() - start) / NANOS);
      }
      PeftModel<CausalLm> last = views.get(views.size() - 1);
      add(results, "last", last.model(), batch);
      long start = System.nanoTime();
      try (CausalLm merged = views.get(0).merge()) {
        double merge = (System.nanoTime() - start) / NANOS;
        add(results, "merged", merged, batch);
        if (!job.results().isEmpty()) {
          results.writeTo(Path.of(job.results()));
        }
        new Outcome()
            .with("loads", loads)
            .with("switch", secondsOfSwitch(views))
            .with("merge", merge)
            .withMemory(base)
            .print();
      }
      views.forEach(PeftModel::close);
    }
  }

  /** Choosing the model of another view, as whoever serves a request does. */
  private static double secondsOfSwitch(List<PeftModel<CausalLm>> views) {
    CausalLm chosen = views.get(0).model();
    int changes = 0;
    long start = System.nanoTime();
    for (int i = 1; i <= SWITCHES; i++) {
      CausalLm next = views.get(i % views.size()).model();
      changes += next == chosen ? 0 : 1;
      chosen = next;
    }
    double seconds = (System.nanoTime() - start) / NANOS / SWITCHES;
    if (views.size() > 1 && changes != SWITCHES) {
      throw new IllegalStateException("two views have one model");
    }
    return seconds;
  }

  private static void add(
      SafetensorsWriter results, String name, CausalLm model, TokenBatch batch) {
    try (Pass pass =
        Pass.inference(model.decoder().manager(), batch, model.segments(batch.rows()))) {
      NDArray logits = model.decoder().logits(pass, false); // (N, V)
      List<Long> shape = List.of((long) batch.size(), (long) model.decoder().vocabulary());
      results.add(name, shape, logits.toFloatArray());
    }
  }
}
