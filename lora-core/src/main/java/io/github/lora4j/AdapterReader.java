package io.github.lora4j;

import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
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

  /** Longest name that is told whole; real ones have some 100 characters. */
  private static final int LONGEST_NAME = 300;

  /** Mismatches in one message: those of the largest real adapters, not those of a hostile file. */
  private static final int LISTED = 1000;

  /**
   * What a directory holds, on the heap.
   *
   * @param sha256 of the file of weights; empty if not asked for
   */
  record Loaded(LoraPlan plan, Map<String, TensorData> values, Optional<String> sha256) {}

  private AdapterReader() {}

  static Loaded read(Path directory, ModuleTree tree) throws IOException {
    return read(AdapterFiles.in(directory), tree, false);
  }

  static Loaded read(AdapterFiles files, ModuleTree tree, boolean hash) throws IOException {
    files.requirePlace();
    LoraConfig config = LoraConfigReader.read(files, LoraConfigKeys.FILE_NAME);
    String weights = weights(files);
    if (files.has(AdapterFiles.LEGACY_WEIGHTS)) { // so that nobody has to guess which of two it was
      log.info("adapter {} is read from {}", files.name(), files.where(weights));
    }
    try (TensorFile tensors = files.tensors(weights)) {
      Loaded loaded = check(files, config, tensors, tree);
      warn(loaded.plan(), config, tree);
      // of the open file: another may stand in its place by now
      return hash
          ? new Loaded(loaded.plan(), loaded.values(), Optional.of(tensors.sha256()))
          : loaded;
    }
  }

  /** Reads what is open: that a file is damaged is a better reason than any of these. */
  static Loaded check(AdapterFiles files, LoraConfig config, TensorFile tensors, ModuleTree tree)
      throws IOException {
    LoraPlan plan = plan(files, config, tree);
    return new Loaded(plan, values(tensors, plan, files, tree), Optional.empty());
  }

  private static LoraPlan plan(AdapterFiles files, LoraConfig config, ModuleTree tree) {
    try {
      return LoraPlan.lenient(tree, config);
    } catch (LoraException e) {
      throw new LoraException(
          "adapter %s does not fit %s: %s"
              .formatted(nameOf(files, config, tree), nameOf(tree), e.getMessage()),
          e);
    }
  }

  /** With the base that it was made for, if that is another. */
  private static String nameOf(AdapterFiles files, LoraConfig config, ModuleTree tree) {
    return "'"
        + files.name()
        + "'"
        + config
            .baseModel()
            .filter(base -> !base.equals(nameOf(tree)))
            .map(base -> ", made for " + oneLine(base) + ",")
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

  static String weights(AdapterFiles files) throws IOException {
    return files
        .weights()
        .orElseThrow(
            () ->
                new NoSuchFileException(
                    files.where(AdapterWriter.WEIGHTS),
                    null,
                    "missing, as is %s; the directory holds a configuration but no weights"
                        .formatted(AdapterFiles.LEGACY_WEIGHTS)));
  }

  private static Map<String, TensorData> values(
      TensorFile tensors, LoraPlan plan, AdapterFiles files, ModuleTree tree) throws IOException {
    Map<String, TensorData> values = new LinkedHashMap<>();
    Set<String> used = new LinkedHashSet<>();
    List<String> problems = new ArrayList<>();
    Map<String, List<Long>> wanted = plan.shapes();
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
      throw misfit(nameOf(files, plan.config(), tree), tree, problems, wanted.size(), foreign);
    }
    return values;
  }

  private static void check(
      TensorFile tensors,
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
    TensorData read = new TensorData(shape, tensors.floats(tensor));
    OptionalInt bad = read.firstNotFinite();
    if (bad.isPresent()) {
      int at = bad.getAsInt();
      problems.add("%s: element %d is %s".formatted(shorten(name), at, read.values()[at]));
      return;
    }
    values.put(name, read);
  }

  /** Files may leave PEFT's prefix out. */
  private static Optional<TensorEntry> find(TensorFile tensors, String key) {
    return tensors.find(key).or(() -> tensors.find(key.substring(AdapterKeys.PREFIX.length())));
  }

  private static LoraException misfit(
      String adapter, ModuleTree tree, List<String> problems, int wanted, int foreign) {
    return new LoraException(
        "adapter %s does not fit %s (%d of %d tensors%s):\n  %s"
            .formatted(
                adapter,
                nameOf(tree),
                problems.size() - foreign,
                wanted,
                foreign == 0 ? "" : ", " + foreign + " foreign",
                listed(problems)));
  }

  /** One a line, as many as a message can hold. */
  static String listed(List<String> problems) {
    int listed = Math.min(LISTED, problems.size());
    String more =
        problems.size() > listed ? "\n  … and %d more".formatted(problems.size() - listed) : "";
    return String.join("\n  ", problems.subList(0, listed)) + more;
  }

  private static String shorten(String name) {
    String bare =
        name.startsWith(AdapterKeys.PREFIX) ? name.substring(AdapterKeys.PREFIX.length()) : name;
    int dot = bare.indexOf('.');
    return oneLine(
        bare.startsWith("transformer.") || bare.startsWith("model.")
            ? "…" + bare.substring(dot + 1)
            : bare);
  }

  /** A text of a file, so that it cannot pass for a line of a message. */
  private static String oneLine(String text) {
    String cut = text.length() > LONGEST_NAME ? text.substring(0, LONGEST_NAME) + "…" : text;
    return cut.replace("\n", "\\n");
  }

  private static String shape(List<Long> shape) {
    return shape.toString().replace('[', '(').replace(']', ')');
  }
}
