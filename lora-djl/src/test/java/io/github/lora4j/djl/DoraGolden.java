package io.github.lora4j.djl;

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

/** An adapter of DoRA below {@code golden/bloom/dora}, made by {@code tools/golden/dora.py}. */
final class DoraGolden {

  private static final Path ROOT = Path.of("src/test/resources/golden/bloom");

  private final Path directory;
  private final JsonObject manifest;
  private final Map<String, TensorData> expected;

  DoraGolden(String name) throws IOException {
    directory = ROOT.resolve("dora").resolve(name);
    manifest =
        JsonParser.parseString(Files.readString(directory.resolve("manifest.json")))
            .getAsJsonObject();
    expected = GoldenTensors.read(directory.resolve("expected.safetensors"));
  }

  static CausalLm base(Precision precision) throws IOException {
    return CausalLm.load(
        ROOT.resolve("power-of-two/checkpoint"),
        LoadOptions.builder().precision(precision).build());
  }

  Path adapter() {
    return directory.resolve("adapter");
  }

  int[][] rows() {
    return new Gson().fromJson(manifest.get("rows"), int[][].class);
  }

  List<int[]> lossRows() {
    return List.of(new Gson().fromJson(loss().get("rows"), int[][].class));
  }

  List<int[]> labels() {
    return List.of(new Gson().fromJson(loss().get("labels"), int[][].class));
  }

  double lossValue() {
    return loss().get("value").getAsDouble();
  }

  private JsonObject loss() {
    return manifest.getAsJsonObject("loss");
  }

  long[] trainable() {
    return new Gson().fromJson(manifest.get("trainable"), long[].class);
  }

  float[] logits(int row) {
    return java.util.Objects.requireNonNull(expected.get("logits/" + row)).values();
  }

  /** Tensors whose name starts so, by what the core calls them. */
  Map<String, TensorData> below(String start) {
    Map<String, TensorData> found = new LinkedHashMap<>();
    expected.forEach(
        (name, tensor) -> {
          if (name.startsWith(start + "base_model.model.")) {
            String bare = name.substring((start + "base_model.model.").length());
            found.put(
                bare.replace(".base_layer", "")
                    .replace("lora_A.weight", "lora_A")
                    .replace("lora_B.weight", "lora_B"),
                tensor);
          }
        });
    return found;
  }
}
