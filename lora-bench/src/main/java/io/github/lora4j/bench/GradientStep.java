package io.github.lora4j.bench;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Loss and gradients of one batch, several times over, in a process of its own; the twin of {@code
 * python/peft_step.py}. Prints one line of JSON: loss, seconds of each repetition, peak resident
 * memory above the weights in MiB.
 */
public final class GradientStep {

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final double MIB = 1 << 20;

  private GradientStep() {}

  /**
   * Runs the step.
   *
   * @param args model directory, adapter directory, batch file, precision, recompute (true or
   *     false), repetitions, file for the gradients or {@code -}
   * @throws IOException if a file cannot be read or written
   */
  public static void main(String[] args) throws IOException {
    Precision precision = Precision.valueOf(args[3].toUpperCase(Locale.ROOT));
    boolean recompute = Boolean.parseBoolean(args[4]);
    int repetitions = Integer.parseInt(args[5]);
    TokenBatch batch = batch(Path.of(args[2]));
    LoadOptions options = LoadOptions.builder().precision(precision).build();
    try (CausalLm base = CausalLm.load(args[0], options);
        PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, Path.of(args[1]), true)) {
      AdapterWeights adapter = peft.model().adapter().orElseThrow();
      JsonObject result = new JsonObject();
      JsonArray seconds = new JsonArray();
      for (int repetition = 0; repetition < repetitions; repetition++) {
        long start = System.nanoTime();
        double loss = step(base, adapter, batch, recompute);
        seconds.add((System.nanoTime() - start) / 1e9);
        result.addProperty("loss", loss);
        if (repetition == 0 && !args[6].equals("-")) {
          write(adapter, Path.of(args[6]));
        }
        Kernels.get().run("fill_zero", adapter.flatGradients());
      }
      result.add("seconds", seconds);
      double weights = base.decoder().weightBytes() / MIB;
      result.addProperty("weightsMiB", weights);
      result.addProperty("aboveWeightsMiB", peakKib() / 1024.0 - weights);
      System.out.println(new Gson().toJson(result));
    }
  }

  private static double step(
      CausalLm base, AdapterWeights adapter, TokenBatch batch, boolean recompute) {
    try (Pass pass = Pass.training(base.decoder().manager(), batch, adapter, 0)) {
      return base.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), recompute);
    }
  }

  private static TokenBatch batch(Path file) throws IOException {
    JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    return TokenBatch.of(rows(json, "tokens"), rows(json, "labels"));
  }

  private static List<int[]> rows(JsonObject json, String key) {
    List<int[]> rows = new ArrayList<>();
    json.getAsJsonArray(key).forEach(row -> rows.add(new Gson().fromJson(row, int[].class)));
    return rows;
  }

  private static void write(AdapterWeights adapter, Path file) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    adapter
        .readGradients()
        .forEach((name, tensor) -> writer.add(name, tensor.shape(), tensor.values()));
    writer.writeTo(file);
  }

  /** Highest resident memory of the process, pages of mapped weights included. */
  private static long peakKib() throws IOException {
    return Files.readAllLines(STATUS).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }
}
