package io.github.lora4j.djl;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.StackedDecoder;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A directory below {@code golden/bloom}, made by {@code tools/golden/bloom.py}. */
final class BloomGolden {

  private static final String PREFIX = "base_model.model.";

  private final Path directory;
  private final JsonObject manifest;
  private final Map<String, TensorData> expected;

  BloomGolden(String name) throws IOException {
    directory = Path.of("src/test/resources/golden/bloom").resolve(name);
    manifest =
        JsonParser.parseString(Files.readString(directory.resolve("manifest.json")))
            .getAsJsonObject();
    expected = GoldenTensors.read(directory.resolve("expected.safetensors"));
  }

  CausalLm load(Precision precision) throws IOException {
    return CausalLm.load(
        directory.resolve("checkpoint"), LoadOptions.builder().precision(precision).build());
  }

  /** A base in fp32 whose products are computed by one library. */
  CausalLm load(MatrixLibrary library) throws IOException {
    return CausalLm.load(
        directory.resolve("checkpoint"), LoadOptions.builder().matrixLibrary(library).build());
  }

  /** A base that computes in a type that the public door leaves to the hardware. */
  CausalLm load(Arithmetic arithmetic) throws IOException {
    return load(directory.resolve("checkpoint"), arithmetic);
  }

  static CausalLm load(Path checkpoint, Arithmetic arithmetic) throws IOException {
    Json config = Json.read(checkpoint.resolve("config.json"), "a model directory");
    NDManager manager = Engines.newManager(Device.cpu());
    try (Safetensors files = Safetensors.open(checkpoint)) {
      StackedDecoder model = StackedDecoder.read(config, files, "golden", arithmetic, manager);
      return new CausalLm(
          model, Tokenizer.load(checkpoint), LoadOptions.builder().build(), checkpoint, null);
    }
  }

  String tree() throws IOException {
    return Files.readString(directory.resolve("tree.txt")).stripTrailing();
  }

  int[][] rows() {
    return rows(manifest);
  }

  List<int[]> lossRows() {
    return List.of(rows(manifest.getAsJsonObject("loss")));
  }

  List<int[]> labels() {
    JsonElement labels = manifest.getAsJsonObject("loss").get("labels");
    return List.of(new Gson().fromJson(labels, int[][].class));
  }

  double loss(String model) {
    return manifest.getAsJsonObject("loss").getAsJsonObject("values").get(model).getAsDouble();
  }

  List<String> adapters() {
    return List.copyOf(manifest.getAsJsonObject("adapters").keySet());
  }

  TensorData expected(String name) {
    TensorData tensor = expected.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("no golden tensor " + name);
    }
    return tensor;
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

  /** What the engine needs to put a golden adapter beside its base. */
  AdapterLayout layout(String adapter, CausalLm base) throws IOException {
    Map<String, TensorData> values = new LinkedHashMap<>();
    GoldenTensors.read(directory.resolve("adapters/" + adapter + "/adapter_model.safetensors"))
        .forEach((name, tensor) -> values.put(engineName(name), tensor));
    double scaling =
        manifest.getAsJsonObject("adapters").getAsJsonObject(adapter).get("scaling").getAsDouble();
    List<AdapterLayout.Pair> pairs = new ArrayList<>();
    for (TargetModule module : base.modules().modules()) {
      TensorData a = values.get(module.path() + ".lora_A");
      if (a != null) {
        int rank = Math.toIntExact(a.shape().get(0));
        pairs.add(
            new AdapterLayout.Pair(
                module.path(), module.inFeatures(), module.outFeatures(), rank, scaling, 0));
      }
    }
    return new AdapterLayout(pairs, values);
  }

  private static String engineName(String inFile) {
    return inFile
        .substring(PREFIX.length())
        .replace(".base_layer.", ".")
        .replace(".lora_A.weight", ".lora_A")
        .replace(".lora_B.weight", ".lora_B");
  }

  private static int[][] rows(JsonObject json) {
    return new Gson().fromJson(json.get("rows"), int[][].class);
  }
}
