package io.github.lora4j.bench;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Loading a base and its first forward pass; the twin of {@code python/peft_load.py}. The native
 * libraries are loaded before the clock starts, as Python's modules are; the kernels are compiled
 * while it runs.
 */
public final class FirstForward {

  private FirstForward() {}

  /**
   * Runs the job and prints the seconds from the first call to the logits, and peak memory.
   *
   * @param args a job file
   * @throws IOException if a file cannot be read or written
   */
  public static void main(String[] args) throws IOException {
    Job job = Job.read(args[0]);
    long begin = System.nanoTime();
    try (NDManager engine = Engines.newManager(Device.cpu())) {
      engine.zeros(new Shape(1)).toFloatArray();
    }
    TokenBatch batch = job.tokenBatches().get(0);
    long start = System.nanoTime();
    try (CausalLm base = job.load();
        Pass pass = Pass.inference(base.decoder().manager(), batch, List.of())) {
      NDArray logits = base.decoder().logits(pass, false); // (N, V)
      double seconds = (System.nanoTime() - start) / 1e9;
      if (!job.results().isEmpty()) {
        List<Long> shape = List.of((long) batch.size(), (long) base.decoder().vocabulary());
        new SafetensorsWriter()
            .add("logits", shape, logits.toFloatArray())
            .writeTo(Path.of(job.results()));
      }
      new Outcome()
          .with("seconds", List.of(seconds))
          .with("engineSeconds", (start - begin) / 1e9)
          .withMemory(base)
          .print();
    }
  }
}
