package io.github.lora4j;

import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.ModuleTree;
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

  /** Elements of the largest array of Java. */
  private static final long LARGEST = Integer.MAX_VALUE - 8;

  private static final String PICKLE =
      "adapter_model.bin is a pickle, which can run code and is not read: convert it to safetensors";

  /**
   * An adapter.
   *
   * @param plan against the base, or against the base with the adapter's own vocabulary
   * @param values what the adapter trains
   * @param frozen matrices of the vocabulary that are not the base's
   */
  record Loaded(LoraPlan plan, Map<String, TensorData> values, Map<String, TensorData> frozen) {}

  private AdapterReader() {}

  static Loaded read(Path directory, ModuleTree tree, BaseMatrices.Base base) throws IOException {
    if (!Files.isDirectory(directory)) {
      throw new NoSuchFileException(
          directory.toString(),
          null,
          "not a directory; wanted one with %s and %s"
              .formatted(LoraConfigKeys.FILE_NAME, AdapterWriter.WEIGHTS));
    }
    LoraConfig config = config(directory);
    Path file = directory.resolve(AdapterWriter.WEIGHTS);
    if (!Files.exists(file)) {
      throw noWeights(directory);
    }
    // first: that a file is damaged is a better reason than that its targets match nothing
    try (Safetensors tensors = Safetensors.open(file)) {
      LoraPlan plan = plan(directory, config, new Vocabulary(tree).resizedAs(tensors));
      warn(plan, config, tree);
      return values(tensors, plan, directory, new BaseMatrices(tensors, plan, tree, base));
    }
  }

  private static LoraPlan plan(Path directory, LoraConfig config, ModuleTree tree) {
    try {
      checkTask(config, tree);
      return LoraPlan.lenient(tree, config);
    } catch (LoraException e) {
      throw new LoraException(
          "adapter %s does not fit %s: %s"
              .formatted(nameOf(directory, config, tree), nameOf(tree), e.getMessage()),
          e);
    }
  }

  /** PEFT trains the head of a classifier whole; a model without that head cannot use it. */
  private static void checkTask(LoraConfig config, ModuleTree tree) {
    List<String> unmatched = new SavedModules(config, tree).unmatched();
    boolean none = unmatched.size() == config.modulesToSave().size() && !unmatched.isEmpty();
    if (none && config.taskType().map(task -> !task.heads().isEmpty()).orElse(false)) {
      throw new LoraException(
          "it is made for %s and brings a head of its own in %s, which %s has not; train an adapter with task type CAUSAL_LM"
              .formatted(config.taskType().orElseThrow(), unmatched, tree.modelClass()));
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
    List<String> unsaved = new SavedModules(config, tree).unmatched();
    if (!unsaved.isEmpty()) {
      log.warn("modules to save {} match nothing in {}", unsaved, tree.modelClass());
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

  private static Loaded values(
      Safetensors tensors, LoraPlan plan, Path directory, BaseMatrices matrices)
      throws IOException {
    ModuleTree tree = plan.tree();
    Map<String, TensorData> values = new LinkedHashMap<>();
    Set<String> used = new LinkedHashSet<>();
    List<String> problems = new ArrayList<>();
    Map<String, List<Long>> wanted = wanted(plan);
    AdapterKeys keys = new AdapterKeys(plan);
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
        if (!isBias(plan, entry.getKey()) || hasBiases) {
          problems.add(
              "%s: missing, model %s".formatted(shorten(entry.getKey()), shape(entry.getValue())));
        }
        continue;
      }
      used.add(found.get().name());
      if (isOfShape(found.get(), entry.getKey(), entry.getValue(), problems)) {
        read(tensors, found.get(), entry.getKey(), problems)
            .ifPresent(tensor -> values.put(entry.getKey(), tensor));
      }
    }
    Map<String, TensorData> frozen = matrices.read(used, problems);
    int foreign = 0;
    for (TensorEntry tensor : tensors.tensors()) {
      if (!used.contains(tensor.name()) && !keys.repeats(tensor.name())) {
        foreign++;
        problems.add(shorten(tensor.name()) + ": not a tensor of this adapter, refused");
      }
    }
    if (!problems.isEmpty()) {
      throw misfit(nameOf(directory, plan.config(), tree), tree, problems, wanted.size(), foreign);
    }
    return new Loaded(plan, values, frozen);
  }

  private static boolean isBias(LoraPlan plan, String name) {
    return plan.biases().stream().anyMatch(bias -> bias.name().equals(name));
  }

  /** Whether a tensor is what is wanted; says so if not. */
  static boolean isOfShape(
      TensorEntry tensor, String name, List<Long> shape, List<String> problems) {
    if (!tensor.shape().equals(shape)) {
      problems.add(
          "%s: file %s, model %s".formatted(shorten(name), shape(tensor.shape()), shape(shape)));
      return false;
    }
    if (!tensor.dtype().isFloatingPoint()) {
      problems.add(
          "%s: stored as %s, wanted a floating type".formatted(shorten(name), tensor.dtype()));
      return false;
    }
    return true;
  }

  /** Reads a tensor; empty if it has a value that no adapter may have. */
  static Optional<TensorData> read(
      Safetensors tensors, TensorEntry tensor, String name, List<String> problems)
      throws IOException {
    if (tensor.elements() > LARGEST) {
      problems.add(
          "%s: %d elements, at most %d are read"
              .formatted(shorten(name), tensor.elements(), LARGEST));
      return Optional.empty();
    }
    float[] floats = tensors.floats(tensor);
    for (int i = 0; i < floats.length; i++) {
      if (!Float.isFinite(floats[i])) {
        problems.add("%s: element %d is %s".formatted(shorten(name), i, floats[i]));
        return Optional.empty();
      }
    }
    return Optional.of(new TensorData(tensor.shape(), floats));
  }

  private static Map<String, List<Long>> wanted(LoraPlan plan) {
    Map<String, List<Long>> wanted = new LinkedHashMap<>();
    for (LoraLinear pair : plan.pairs()) {
      wanted.put(pair.path() + ".lora_A", List.of((long) pair.rank(), (long) pair.inFeatures()));
      wanted.put(pair.path() + ".lora_B", List.of((long) pair.outFeatures(), (long) pair.rank()));
    }
    plan.biases().forEach(bias -> wanted.put(bias.name(), bias.shape()));
    plan.copies().forEach(copy -> wanted.put(copy.name(), copy.shape()));
    return wanted;
  }

  /** Files may leave PEFT's prefix out. */
  static Optional<TensorEntry> find(Safetensors tensors, String key) {
    return tensors.find(key).or(() -> tensors.find(key.substring(AdapterKeys.PREFIX.length())));
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

  static String shorten(String name) {
    String bare =
        name.startsWith(AdapterKeys.PREFIX) ? name.substring(AdapterKeys.PREFIX.length()) : name;
    int dot = bare.indexOf('.');
    return bare.startsWith("transformer.") || bare.startsWith("model.")
        ? "…" + bare.substring(dot + 1)
        : bare;
  }

  static String shape(List<Long> shape) {
    return shape.toString().replace('[', '(').replace(']', ')');
  }
}
