package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;

/** A base of a published shape with random weights, made by {@code tools/real-adapters/make.py}. */
final class RealBase {

  private static final String GRADIENTS = "gradients/";

  private final Path directory;
  private final JsonObject manifest;
  private final Map<String, TensorData> expected;

  private RealBase(Path directory) throws IOException {
    this.directory = directory;
    this.manifest =
        JsonParser.parseString(Files.readString(directory.resolve("manifest.json")))
            .getAsJsonObject();
    this.expected = GoldenTensors.read(directory.resolve("expected.safetensors"));
  }

  /** The base of an adapter, or the test is skipped and says so. */
  static RealBase of(String adapter) throws IOException {
    return new RealBase(directory(adapter));
  }

  private static Path directory(String adapter) {
    String root = System.getProperty("lora4j.bases", "");
    Path directory = Path.of(root, adapter);
    boolean there = !root.isEmpty() && Files.isDirectory(directory);
    if (!there) {
      System.out.printf(
          "skipped: no base for %s; give -Dlora4j.bases=DIR, see tools/real-adapters%n", adapter);
    }
    Assumptions.assumeTrue(there, "-Dlora4j.bases=DIR is not given or has no " + adapter);
    return directory;
  }

  CausalLm load(Precision precision) throws IOException {
    return CausalLm.load(
        directory.resolve("base"), LoadOptions.builder().precision(precision).build());
  }

  int[][] rows() {
    return ints(manifest, "rows");
  }

  List<int[]> lossRows() {
    return List.of(ints(manifest.getAsJsonObject("loss"), "rows"));
  }

  List<int[]> labels() {
    return List.of(ints(manifest.getAsJsonObject("loss"), "labels"));
  }

  double loss() {
    return manifest.getAsJsonObject("loss").get("value").getAsDouble();
  }

  long[] parameters() {
    return new Gson().fromJson(manifest.get("parameters"), long[].class);
  }

  /** Logits of a row, (T, V). */
  TensorData logits(String model, int row) {
    return requireNonNull(expected.get(model + "/logits/" + row));
  }

  /** Gradients of PEFT by the engine's names. */
  Map<String, TensorData> gradients() {
    Map<String, TensorData> gradients = new LinkedHashMap<>();
    expected.forEach(
        (name, tensor) -> {
          if (name.startsWith(GRADIENTS)) {
            gradients.put(name.substring(GRADIENTS.length()), tensor);
          }
        });
    return gradients;
  }

  private static int[][] ints(JsonObject json, String key) {
    return new Gson().fromJson(json.get(key), int[][].class);
  }
}
