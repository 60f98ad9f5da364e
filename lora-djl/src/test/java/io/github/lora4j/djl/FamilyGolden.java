package io.github.lora4j.djl;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/** A tiny model below {@code golden/families}, made by {@code tools/golden/families.py}. */
final class FamilyGolden {

  private static final Path ROOT = Path.of("src/test/resources/golden/families");
  private static final String PREFIX = "base_model.model.";

  private final Path directory;
  private final JsonObject manifest;
  private final Map<String, TensorData> expected;

  private FamilyGolden(Path directory) throws IOException {
    this.directory = directory;
    this.manifest =
        JsonParser.parseString(Files.readString(directory.resolve("manifest.json")))
            .getAsJsonObject();
    this.expected = GoldenTensors.read(directory.resolve("expected.safetensors"));
  }

  /** All models, by {@code family/name}. */
  static List<String> names() throws IOException {
    try (Stream<Path> files = Files.find(ROOT, 3, (p, a) -> p.endsWith("manifest.json"))) {
      return files
          .map(file -> ROOT.relativize(file.getParent()).toString().replace('\\', '/'))
          .sorted()
          .toList();
    }
  }

  static FamilyGolden of(String name) throws IOException {
    return new FamilyGolden(ROOT.resolve(name));
  }

  CausalLm load(Precision precision) throws IOException {
    return CausalLm.load(
        directory.resolve("checkpoint"), LoadOptions.builder().precision(precision).build());
  }

  PeftModel<CausalLm> adapter(CausalLm base, String name, boolean trainable) throws IOException {
    return PeftModel.fromPretrained(base, directory.resolve("adapters").resolve(name), trainable);
  }

  Path checkpoint() {
    return directory.resolve("checkpoint");
  }

  Path adapterDirectory(String name) {
    return directory.resolve("adapters").resolve(name);
  }

  /** A model directory, or an adapter's. */
  static Safetensors open(Path directory) throws IOException {
    Path adapter = directory.resolve("adapter_model.safetensors");
    return Safetensors.open(Files.exists(adapter) ? adapter : directory);
  }

  String tree() throws IOException {
    return Files.readString(directory.resolve("tree.txt")).stripTrailing();
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

  double loss(String model) {
    return manifest.getAsJsonObject("loss").getAsJsonObject("values").get(model).getAsDouble();
  }

  long[] trainable(String adapter) {
    JsonObject described = manifest.getAsJsonObject("adapters").getAsJsonObject(adapter);
    return new Gson().fromJson(described.get("trainable"), long[].class);
  }

  int[][] prompts() {
    return ints(manifest.getAsJsonObject("greedy"), "prompts");
  }

  int[][] greedy() {
    return ints(manifest.getAsJsonObject("greedy"), "base");
  }

  List<TokenExample> curveExamples() {
    JsonObject curve = manifest.getAsJsonObject("curve");
    int[][] rows = ints(curve, "rows");
    int[][] labels = ints(curve, "labels");
    List<TokenExample> examples = new ArrayList<>();
    for (int i = 0; i < rows.length; i++) {
      examples.add(new TokenExample(rows[i], labels[i]));
    }
    return examples;
  }

  double curve(String setting) {
    return manifest.getAsJsonObject("curve").get(setting).getAsDouble();
  }

  double[] curveLosses() {
    return new Gson().fromJson(manifest.getAsJsonObject("curve").get("losses"), double[].class);
  }

  TensorData expected(String name) {
    return Objects.requireNonNull(expected.get(name), name);
  }

  /** Reference gradients of an adapter by the engine's names. */
  Map<String, TensorData> gradients(String adapter) {
    String start = "adapters/" + adapter + "/gradients/";
    Map<String, TensorData> gradients = new LinkedHashMap<>();
    expected.forEach(
        (name, tensor) -> {
          if (name.startsWith(start)) {
            gradients.put(engineName(name.substring(start.length())), tensor);
          }
        });
    return gradients;
  }

  private static String engineName(String inFile) {
    return inFile
        .substring(PREFIX.length())
        .replace(".lora_A.weight", ".lora_A")
        .replace(".lora_B.weight", ".lora_B");
  }

  private static int[][] ints(JsonObject json, String key) {
    return new Gson().fromJson(json.get(key), int[][].class);
  }
}
