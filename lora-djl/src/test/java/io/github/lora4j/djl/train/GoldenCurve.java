package io.github.lora4j.djl.train;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.GoldenTensors;
import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A run of Hugging Face's Trainer below {@code golden/bloom/training}, made by {@code
 * tools/golden/training.py}.
 */
final class GoldenCurve {

  static final Path DIRECTORY = Path.of("src/test/resources/golden/bloom/training");

  /** A step as the reference logged it. */
  record Step(int step, double loss, double gradNorm, double learningRate, double epoch) {}

  private final Path directory;
  private final JsonObject json;

  GoldenCurve(String name) throws IOException {
    directory = DIRECTORY.resolve(name);
    json =
        JsonParser.parseString(Files.readString(directory.resolve("curve.json"))).getAsJsonObject();
  }

  CausalLm base() throws IOException {
    return CausalLm.load(directory.resolve(json.get("checkpoint").getAsString()).toString());
  }

  PeftModel<CausalLm> initial(CausalLm base) throws IOException {
    return PeftModel.fromPretrained(base, directory.resolve("initial"), true);
  }

  PeftModel<CausalLm> trained(CausalLm base) throws IOException {
    return PeftModel.fromPretrained(base, directory.resolve("final"), true);
  }

  /** Tensors of the final adapter under their names in the file. */
  Map<String, TensorData> finalTensors() throws IOException {
    return GoldenTensors.read(directory.resolve("final/adapter_model.safetensors"));
  }

  /** Entries that two correct programs disagree on, by tensor. */
  Set<Integer> undetermined(String tensor) {
    JsonObject all = json.getAsJsonObject("undetermined");
    return all.has(tensor)
        ? Set.of(new Gson().fromJson(all.get(tensor), Integer[].class))
        : Set.of();
  }

  /** Rows to compare logits of, where a curve has such. */
  int[][] tests() {
    return new Gson().fromJson(json.get("tests"), int[][].class);
  }

  TrainingDataset dataset() {
    int[][] rows = new Gson().fromJson(json.get("rows"), int[][].class);
    int[][] labels = new Gson().fromJson(json.get("labels"), int[][].class);
    List<TokenExample> examples = new ArrayList<>();
    for (int i = 0; i < rows.length; i++) {
      examples.add(new TokenExample(rows[i], labels[i]));
    }
    return TrainingDataset.of(examples);
  }

  TrainingOptions.Builder options() {
    JsonObject settings = json.getAsJsonObject("settings");
    boolean plus = settings.has("lora_plus_ratio");
    return TrainingOptions.builder()
        .loraPlusRatio(plus ? settings.get("lora_plus_ratio").getAsDouble() : 1)
        .batchSize(settings.get("batch_size").getAsInt())
        .gradientAccumulation(settings.get("gradient_accumulation").getAsInt())
        .maxSteps(settings.get("max_steps").getAsInt())
        .learningRate(settings.get("learning_rate").getAsDouble())
        .warmupSteps(settings.get("warmup_steps").getAsInt())
        .schedule(
            settings.get("schedule").getAsString().equals("cosine")
                ? Schedule.COSINE
                : Schedule.LINEAR)
        .weightDecay(settings.get("weight_decay").getAsDouble())
        .beta1(settings.get("beta1").getAsDouble())
        .beta2(settings.get("beta2").getAsDouble())
        .epsilon(settings.get("epsilon").getAsDouble())
        .maxGradNorm(settings.get("max_grad_norm").getAsDouble())
        .shuffle(false);
  }

  List<Step> steps() {
    List<Step> steps = new ArrayList<>();
    json.getAsJsonArray("steps")
        .forEach(
            element -> {
              JsonObject step = element.getAsJsonObject();
              steps.add(
                  new Step(
                      step.get("step").getAsInt(),
                      step.get("loss").getAsDouble(),
                      step.get("grad_norm").getAsDouble(),
                      step.get("learning_rate").getAsDouble(),
                      step.get("epoch").getAsDouble()));
            });
    return steps;
  }
}
