package io.github.lora4j;

import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads an adapter's directory against a base. Strict: exactly the tensors that the configuration
 * means, of the right shape, all finite; every mismatch is listed once, and a tensor that is no
 * part of an adapter is never read.
 */
final class AdapterReader {

  private static final Logger log = LoggerFactory.getLogger(AdapterReader.class);

  /** Mismatches in one message: those of the largest real adapters, not those of a hostile file. */
  private static final int LISTED = 1000;

  private static final String PICKLE =
      "adapter_model.bin is a pickle, which can run code and is not read: convert it to safetensors";

  record Loaded(LoraPlan plan, Map<String, TensorData> values) {}

  private AdapterReader() {}

  static Loaded read(Path directory, ModuleTree tree) throws IOException {
    if (!Files.isDirectory(directory)) {
      throw new NoSuchFileException(
          directory.toString(),
          null,
          "not a directory; wanted one with %s and %s"
              .formatted(LoraConfigKeys.FILE_NAME, AdapterWriter.WEIGHTS));
    }
    LoraConfig config = config(directory);
    refuseRandomStart(directory, config);
    Path file = directory.resolve(AdapterWriter.WEIGHTS);
    if (!Files.exists(file)) {
      throw noWeights(directory);
    }
    // first: that a file is damaged is a better reason than that its targets match nothing
    try (Safetensors tensors = Safetensors.open(file)) {
      LoraPlan plan = plan(directory, config, tree);
      warn(plan, config, tree);
      return new Loaded(plan, values(tensors, plan, directory, tree));
    }
  }

  /** What such an adapter took off its base was drawn at random and is in no file. */
  private static void refuseRandomStart(Path directory, LoraConfig config) {
    String start = config.otherSettings().get("init_lora_weights");
    if (start != null) {
      throw new LoraException(
          ("adapter '%s' starts from %s, a random decomposition of its base that cannot be made"
                  + " again; convert it to plain LoRA where it was trained, by PEFT's"
                  + " save_pretrained(path_initial_model_for_weight_conversion=...)")
              .formatted(directory.getFileName(), start));
    }
  }

  private static LoraPlan plan(Path directory, LoraConfig config, ModuleTree tree) {
    try {
      return LoraPlan.lenient(tree, config);
    } catch (LoraException e) {
      throw new LoraException(
          "adapter %s does not fit %s: %s"
              .formatted(nameOf(directory, config, tree), nameOf(tree), e.getMessage()),
          e);
    }
  }

  /** With the base that it was made for, if that is another. */
  private static String nameOf(Path directory, LoraConfig config, ModuleTree tree) {
    return "'"
        + directory.getFileName()
        + "'"
        + config
            .baseModel()
            .filter(base -> !base.equals(nameOf(tree)))
            .map(base -> ", made for " + base + ",")
            .orElse("");
  }

  private static String nameOf(ModuleTree tree) {
    return tree.baseName().isEmpty() ? tree.modelClass() : tree.baseName();
  }

  private static void warn(LoraPlan plan, LoraConfig config, ModuleTree tree) {
    TargetMatcher matcher = new TargetMatcher(config, tree.modelType());
    List<String> unmatched = new UnusedSettings(config, matcher, tree).missing();
    if (!unmatched.isEmpty()) {
      log.warn("targets {} of the adapter match nothing in {}", unmatched, tree.modelClass());
    }
    if (plan.overlap(config.rankPattern()) || plan.overlap(config.alphaPattern())) {
      log.warn("two patterns hit one module; the file's order decides, which PEFT does not keep");
    }
  }

  /** The configuration; if it is refused and the weights will be as well, that is said too. */
  private static LoraConfig config(Path directory) throws IOException {
    try {
      return LoraConfig.read(directory);
    } catch (LoraException e) {
      throw isPickle(directory) ? new LoraException(e.getMessage() + "; " + PICKLE, e) : e;
    }
  }

  private static boolean isPickle(Path directory) {
    return Files.exists(directory.resolve("adapter_model.bin"))
        && !Files.exists(directory.resolve(AdapterWriter.WEIGHTS));
  }

  private static IOException noWeights(Path directory) {
    return new NoSuchFileException(
        directory.resolve(AdapterWriter.WEIGHTS).toString(),
        null,
        isPickle(directory)
            ? "missing; " + PICKLE
            : "missing; the directory holds a configuration but no weights");
  }

  private static Map<String, TensorData> values(
      Safetensors tensors, LoraPlan plan, Path directory, ModuleTree tree) throws IOException {
    Map<String, TensorData> values = new LinkedHashMap<>();
    Set<String> used = new LinkedHashSet<>();
    List<String> problems = new ArrayList<>();
    Map<String, List<Long>> wanted = wanted(plan);
    AdapterKeys keys = new AdapterKeys(plan.pairs());
    boolean hasBiases =
        plan.biases().stream()
            .anyMatch(bias -> find(tensors, keys.inFile(bias.name())).isPresent());
    if (!plan.biases().isEmpty() && !hasBiases) {
      log.warn("the adapter says bias {} but carries none; the base's stay", plan.config().bias());
    }
    for (Map.Entry<String, List<Long>> entry : wanted.entrySet()) {
      String key = keys.inFile(entry.getKey());
      Optional<TensorEntry> found = find(tensors, key);
      if (found.isEmpty()) {
        if (!entry.getKey().endsWith(".bias") || hasBiases) {
          problems.add(
              "%s: missing, model %s".formatted(shorten(entry.getKey()), shape(entry.getValue())));
        }
        continue;
      }
      used.add(found.get().name());
      check(tensors, found.get(), entry.getKey(), entry.getValue(), values, problems);
    }
    int foreign = 0;
    for (TensorEntry tensor : tensors.tensors()) {
      if (!used.contains(tensor.name())) {
        foreign++;
        problems.add(shorten(tensor.name()) + ": not a tensor of this adapter, refused");
      }
    }
    if (!problems.isEmpty()) {
      throw misfit(nameOf(directory, plan.config(), tree), tree, problems, wanted.size(), foreign);
    }
    return values;
  }

  private static void check(
      Safetensors tensors,
      TensorEntry tensor,
      String name,
      List<Long> shape,
      Map<String, TensorData> values,
      List<String> problems)
      throws IOException {
    if (!tensor.shape().equals(shape)) {
      problems.add(
          "%s: file %s, model %s".formatted(shorten(name), shape(tensor.shape()), shape(shape)));
      return;
    }
    if (!tensor.dtype().isFloatingPoint()) {
      problems.add(
          "%s: stored as %s, wanted a floating type".formatted(shorten(name), tensor.dtype()));
      return;
    }
    float[] floats = tensors.floats(tensor);
    for (int i = 0; i < floats.length; i++) {
      if (!Float.isFinite(floats[i])) {
        problems.add("%s: element %d is %s".formatted(shorten(name), i, floats[i]));
        return;
      }
    }
    values.put(name, new TensorData(shape, floats));
  }

  private static Map<String, List<Long>> wanted(LoraPlan plan) {
    Map<String, List<Long>> wanted = new LinkedHashMap<>();
    for (LoraLinear pair : plan.pairs()) {
      long rank = plan.trainedRank(pair);
      wanted.put(pair.path() + ".lora_A", List.of(rank, (long) pair.inFeatures()));
      wanted.put(pair.path() + ".lora_B", List.of((long) pair.outFeatures(), rank));
      if (plan.config().dora()) {
        wanted.put(DoraLinear.nameOfMagnitude(pair), List.of((long) pair.outFeatures()));
      }
    }
    for (ParameterInfo bias : plan.biases()) {
      wanted.put(bias.name(), bias.shape());
    }
    return wanted;
  }

  /**
   * Files may leave PEFT's prefix out, and give DoRA's lengths the name that PEFT has in memory.
   */
  private static Optional<TensorEntry> find(Safetensors tensors, String key) {
    Optional<TensorEntry> found =
        tensors.find(key).or(() -> tensors.find(key.substring(AdapterKeys.PREFIX.length())));
    return key.endsWith(DoraLinear.SUFFIX) && found.isEmpty()
        ? tensors.find(key + ".weight")
        : found;
  }

  private static LoraException misfit(
      String adapter, ModuleTree tree, List<String> problems, int wanted, int foreign) {
    int listed = Math.min(LISTED, problems.size());
    String more =
        problems.size() > listed ? "\n  … and %d more".formatted(problems.size() - listed) : "";
    return new LoraException(
        "adapter %s does not fit %s (%d of %d tensors%s):\n  %s%s"
            .formatted(
                adapter,
                nameOf(tree),
                problems.size() - foreign,
                wanted,
                foreign == 0 ? "" : ", " + foreign + " foreign",
                String.join("\n  ", problems.subList(0, listed)),
                more));
  }

  private static String shorten(String name) {
    String bare =
        name.startsWith(AdapterKeys.PREFIX) ? name.substring(AdapterKeys.PREFIX.length()) : name;
    int dot = bare.indexOf('.');
    return bare.startsWith("transformer.") || bare.startsWith("model.")
        ? "…" + bare.substring(dot + 1)
        : bare;
  }

  private static String shape(List<Long> shape) {
    return shape.toString().replace('[', '(').replace(']', ')');
  }
}
