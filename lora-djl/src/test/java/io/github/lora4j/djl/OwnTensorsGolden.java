package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An adapter below {@code golden/bloom/tied} or {@code untied}, by {@code surface.py}, or below
 * {@code golden/phi}, whose heads have a bias, by {@code head_bias.py}.
 */
final class OwnTensorsGolden {

  private static final Path GOLDEN = Path.of("src/test/resources/golden");

  final String name;
  final Path directory;
  private final Path base;
  private final JsonObject json;
  private final Map<String, TensorData> expected;

  private OwnTensorsGolden(Path base, String name, JsonObject json) throws IOException {
    this.base = base;
    this.name = name;
    this.json = json;
    this.directory = base.resolve("adapters").resolve(name);
    this.expected = GoldenTensors.read(directory.resolve("expected.safetensors"));
  }

  static CausalLm load(String base, Precision precision) throws IOException {
    return CausalLm.load(
        directory(base).resolve("checkpoint"), LoadOptions.builder().precision(precision).build());
  }

  /** BLOOM's by one name, others' by family and name. */
  private static Path directory(String base) {
    return GOLDEN.resolve(base.contains("/") ? base : "bloom/" + base);
  }

  /** All adapters of a base. */
  static List<OwnTensorsGolden> of(String base) throws IOException {
    Path directory = directory(base);
    JsonObject adapters =
        JsonParser.parseString(Files.readString(directory.resolve("manifest.json")))
            .getAsJsonObject()
            .getAsJsonObject("adapters");
    List<OwnTensorsGolden> all = new ArrayList<>();
    for (String name : adapters.keySet()) {
      all.add(new OwnTensorsGolden(directory, name, adapters.getAsJsonObject(name)));
    }
    return all;
  }

  static OwnTensorsGolden of(String base, String name) throws IOException {
    return of(base).stream().filter(golden -> golden.name.equals(name)).findFirst().orElseThrow();
  }

  PeftModel<CausalLm> load(CausalLm model, boolean trainable) throws IOException {
    return PeftModel.fromPretrained(model, directory, trainable);
  }

  int[][] rows() {
    return new Gson().fromJson(json.get("rows"), int[][].class);
  }

  int words() {
    return json.get("words").getAsInt();
  }

  double loss() {
    return json.get("loss").getAsDouble();
  }

  long count(int which) {
    return json.getAsJsonArray("trainable").get(which).getAsLong();
  }

  TensorData logits(int row) {
    return requireNonNull(expected.get("logits/" + row));
  }

  /** Of PEFT's merged model; empty where that is another model than its adapter's. */
  Optional<TensorData> mergedLogits() {
    return Optional.ofNullable(expected.get("merged/0"));
  }

  Map<String, TensorData> gradients() {
    Map<String, TensorData> gradients = new LinkedHashMap<>();
    expected.forEach(
        (key, tensor) -> {
          if (key.startsWith("gradients/")) {
            gradients.put(key.substring("gradients/".length()), tensor);
          }
        });
    return gradients;
  }

  TokenBatch batch() {
    int[][] rows = new Gson().fromJson(json.get("loss_rows"), int[][].class);
    int[][] labels = new Gson().fromJson(json.get("labels"), int[][].class);
    return TokenBatch.of(List.of(rows), List.of(labels));
  }

  /** The loss of the batch, its gradients added to the adapter's. */
  double lossAndGradients(CausalLm model, int keptLayers) {
    AdapterWeights weights = model.adapter().orElseThrow();
    TokenBatch batch = batch();
    try (Pass pass = Pass.training(model.decoder().manager(), batch, weights, 1)) {
      return model.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), keptLayers);
    }
  }

  @Override
  public String toString() {
    return GOLDEN.relativize(base) + "/" + name;
  }
}
