package io.github.lora4j.djl.train;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TensorData;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Everything that decides the numbers of a run besides its state. A checkpoint carries it, so that
 * a resume under other settings is refused instead of being some third run.
 *
 * @param entries what it is called to its value as text
 */
record RunIdentity(Map<String, String> entries) {

  private static final int LISTED = 20;
  private static final String ABSENT = "nothing";
  private static final String LIBRARY = "matrix library";

  static RunIdentity of(
      StepPlan plan,
      Decoder base,
      AdapterWeights adapter,
      DataSurvey data,
      Optional<DataSurvey> validation) {
    Map<String, String> entries = new LinkedHashMap<>();
    addOptions(entries, plan);
    entries.put("dataset size", String.valueOf(data.examples()));
    entries.put("dataset checksum", Long.toHexString(data.checksum()));
    validation.ifPresent(
        survey -> {
          entries.put("validation size", String.valueOf(survey.examples()));
          entries.put("validation checksum", Long.toHexString(survey.checksum()));
        });
    entries.put("base", base.modules().modelClass());
    base.arithmetic()
        .products()
        .library()
        .ifPresent(library -> entries.put(LIBRARY, library.name()));
    addAdapter(entries, adapter.layout());
    return new RunIdentity(entries);
  }

  private static void addOptions(Map<String, String> entries, StepPlan plan) {
    TrainingOptions options = plan.options();
    entries.put("batchSize", String.valueOf(options.batchSize()));
    entries.put("gradientAccumulation", String.valueOf(options.gradientAccumulation()));
    entries.put("learningRate", String.valueOf(options.learningRate()));
    entries.put("schedule", options.schedule().name());
    entries.put("warmup steps", String.valueOf(plan.warmupSteps()));
    if (options.schedule() != Schedule.CONSTANT) { // a constant run may be made longer
      entries.put("steps", String.valueOf(plan.totalSteps()));
    }
    entries.put("weightDecay", String.valueOf(options.weightDecay()));
    entries.put("beta1", String.valueOf(options.beta1()));
    entries.put("beta2", String.valueOf(options.beta2()));
    entries.put("epsilon", String.valueOf(options.epsilon()));
    entries.put("maxGradNorm", String.valueOf(options.maxGradNorm()));
    entries.put("seed", String.valueOf(options.seed()));
    entries.put("shuffle", String.valueOf(options.shuffle()));
    if (options.loraPlusRatio() != 1) {
      entries.put("loraPlusRatio", String.valueOf(options.loraPlusRatio()));
      entries.put("loraPlusEmbeddingRate", String.valueOf(options.loraPlusEmbeddingRate()));
    }
    if (options.sharePassages()) { // absent where off, as in checkpoints older than the option
      entries.put("sharePassages", "true");
    }
    if (options.groupByLength()) {
      entries.put("groupByLength", "true");
    }
  }

  private static void addAdapter(Map<String, String> entries, AdapterLayout layout) {
    for (AdapterLayout.Pair pair : layout.pairs()) {
      entries.put(
          "pair " + pair.path(),
          "rank %d, scaling %s, dropout %s, %d to %d"
              .formatted(
                  pair.rank(),
                  pair.scaling(),
                  pair.dropout(),
                  pair.inFeatures(),
                  pair.outFeatures()));
    }
    if (layout.halfFixed()) { // a resumed run has to leave the same half as it is
      entries.put("second half of the ranks", "fixed");
    }
    for (Map.Entry<String, TensorData> tensor : layout.values().entrySet()) {
      String name = tensor.getKey();
      if (!name.endsWith(".lora_A") && !name.endsWith(".lora_B")) {
        String kind = name.endsWith(".bias") ? "bias " : "tensor ";
        entries.put(kind + name, tensor.getValue().shape().toString());
      }
    }
  }

  /**
   * Compares the identity of a checkpoint with this one.
   *
   * @throws LoraException that lists all differences
   */
  void requireSame(RunIdentity saved, Path checkpoint) {
    List<String> differences = new ArrayList<>();
    Set<String> names = new LinkedHashSet<>(saved.entries.keySet());
    names.addAll(entries.keySet());
    for (String name : names) {
      String then = saved.entries.getOrDefault(name, ABSENT);
      String now = entries.getOrDefault(name, ABSENT);
      if (!then.equals(now) && !(name.equals(LIBRARY) && crossesPrecision(then, now))) {
        differences.add(
            "%s: checkpoint %s, now %s%s".formatted(name, then, now, remedy(name, then)));
      }
    }
    if (differences.isEmpty()) {
      return;
    }
    int listed = Math.min(LISTED, differences.size());
    String more =
        differences.size() > listed
            ? "\n  … and %d more".formatted(differences.size() - listed)
            : "";
    throw new LoraException(
        ("%s belongs to another run (%d differences):\n  %s%s\nresume with what it was made with, or"
                + " load it by PeftModel.fromPretrained(base, directory, true) and begin a new run")
            .formatted(
                checkpoint,
                differences.size(),
                String.join("\n  ", differences.subList(0, listed)),
                more));
  }

  /** A run may go on in another precision, which has no choice of library: bits differ anyway. */
  private static boolean crossesPrecision(String then, String now) {
    return then.equals(ABSENT) || now.equals(ABSENT);
  }

  private static String remedy(String name, String then) {
    return name.equals(LIBRARY)
        ? "; load the base with LoadOptions.builder().matrixLibrary(MatrixLibrary.%s)"
            .formatted(then)
        : "";
  }

  JsonObject toJson() {
    JsonObject json = new JsonObject();
    entries.forEach(json::addProperty);
    return json;
  }

  static RunIdentity fromJson(JsonObject json) {
    Map<String, String> entries = new LinkedHashMap<>();
    for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
      entries.put(entry.getKey(), entry.getValue().getAsString());
    }
    return new RunIdentity(entries);
  }
}
