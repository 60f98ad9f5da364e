package io.github.lora4j.bench;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.layer.AdapterSegment;
import io.github.lora4j.djl.layer.KeyValueCache;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Greedy decoding of one batch, an adapter for each row; the twin of {@code python/peft_decode.py}.
 */
public final class Decode {

  private final Decoder decoder;
  private final List<AdapterSegment> segments;
  private final List<Double> seconds = new ArrayList<>();
  private final List<long[]> chosen = new ArrayList<>();

  private Decode(Decoder decoder, List<AdapterSegment> segments) {
    this.decoder = decoder;
    this.segments = segments;
  }

  /**
   * Decodes the rows of the job's first batch, row i under adapter i, and prints the tokens of each
   * step, the seconds of the prompts and of each step, and peak memory. The logits of the first
   * token after the prompts are written if the job asks for results.
   *
   * @param args a job file
   * @throws IOException if a file cannot be read or written
   */
  public static void main(String[] args) throws IOException {
    Job job = Job.read(args[0]);
    try (CausalLm base = job.load()) {
      List<PeftModel<CausalLm>> views = job.adapters(base, false);
      try {
        List<AdapterSegment> segments = new ArrayList<>();
        for (PeftModel<CausalLm> view : views) {
          segments.add(
              new AdapterSegment(view.model().adapter().orElseThrow(), segments.size(), 1));
        }
        Decode decode = new Decode(base.decoder(), segments);
        decode.run(job);
        new Outcome()
            .with("tokens", decode.chosen)
            .with("promptSeconds", decode.seconds.get(0))
            .with("seconds", decode.seconds.subList(1, decode.seconds.size()))
            .withMemory(base)
            .print();
      } finally {
        views.forEach(PeftModel::close);
      }
    }
  }

  private void run(Job job) throws IOException {
    List<int[]> rows = job.batches().get(0).tokens();
    int longest = rows.stream().mapToInt(row -> row.length).max().orElse(0);
    try (KeyValueCache cache = decoder.newCache(rows.size(), longest + job.newTokens())) {
      int[][] input = rows.toArray(int[][]::new);
      for (int step = 0; step <= job.newTokens(); step++) {
        boolean write = step == 1 && !job.results().isEmpty();
        input = step(cache, input, write ? Path.of(job.results()) : null);
      }
    }
  }

  private int[][] step(KeyValueCache cache, int[][] input, @Nullable Path results)
      throws IOException {
    long start = System.nanoTime();
    TokenBatch batch = TokenBatch.of(input);
    try (Pass pass = Pass.cached(decoder.manager(), batch, segments, cache)) {
      NDArray logits = decoder.logits(pass, true); // (B, V)
      long[] tokens = logits.argMax(1).toLongArray(); // (B)
      cache.advance(batch.lengths());
      seconds.add((System.nanoTime() - start) / 1e9);
      chosen.add(tokens);
      if (results != null) {
        List<Long> shape = List.of((long) tokens.length, (long) decoder.vocabulary());
        new SafetensorsWriter().add("logits", shape, logits.toFloatArray()).writeTo(results);
      }
      return Arrays.stream(tokens).mapToObj(token -> new int[] {(int) token}).toArray(int[][]::new);
    }
  }
}
