package io.github.lora4j;

import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.spi.LoraBackend;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
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
   * What a directory holds.
   *
   * @param plan against the base, or against the base with the adapter's own vocabulary
   * @param values what the adapter trains; on the heap, or in the file as long as it is open
   * @param frozen matrices of the vocabulary that are not the base's
   * @param sha256 of the file of weights; empty if not asked for
   */
  record Loaded(
      LoraPlan plan,
      Map<String, TensorData> values,
      Map<String, TensorData> frozen,
      Optional<String> sha256) {

    private Loaded withSha256(String found) {
      return new Loaded(plan, values, frozen, Optional.of(found));
    }
  }

  private AdapterReader() {}

  /**
   * Reads an adapter against a base; what it holds of the base's own is left out. An engine that
   * takes values at once gets them where they stand in the file.
   *
   * @param use of what was found, while the file is open
   */
  static <R> R read(Object base, AdapterFiles files, boolean hash, Function<Loaded, R> use)
      throws IOException {
    Objects.requireNonNull(base, "base");
    LoraBackend backend = Backends.of(base);
    return read(
        files,
        backend.modules(base),
        (name, row, rows) -> backend.holds(base, name, row, rows),
        backend.takesValuesAtOnce(),
        hash,
        use);
  }

  /** Reads an adapter to the heap. */
  static Loaded read(AdapterFiles files, ModuleTree tree, BaseMatrices.Base base)
      throws IOException {
    return read(files, tree, base, false, false, loaded -> loaded);
  }

  private static <R> R read(
      AdapterFiles files,
      ModuleTree tree,
      BaseMatrices.Base base,
      boolean whereTheyStand,
      boolean hash,
      Function<Loaded, R> use)
      throws IOException {
    files.requirePlace();
    LoraConfig read = LoraConfigReader.read(files, LoraConfigKeys.FILE_NAME);
    String weights = weights(files);
    if (files.has(AdapterFiles.LEGACY_WEIGHTS)) { // so that nobody has to guess which of two it was
      log.info("adapter {} is read from {}", files.name(), files.where(weights));
    }
    // first: that a file is damaged is a better reason than that its targets match nothing
    try (TensorFile tensors = files.tensors(weights)) {
      LoraConfig config = SavedModules.withHeads(read, tensors);
      AdapterFit fit = fit(files, config, tensors, tree);
      AdapterTensors wanted = new AdapterTensors(tensors, fit.plan(), files, tree, base);
      Loaded loaded = whereTheyStand ? wanted.whereTheyStand() : wanted.onHeap();
      fit.warn();
      // of the open file: another may stand in its place by now
      return use.apply(hash ? loaded.withSha256(tensors.sha256()) : loaded);
    } catch (UncheckedIOException e) { // an engine read through what it was given
      throw e.getCause();
    }
  }

  /** Checks that an open file is what the configuration means. */
  static void check(
      AdapterFiles files,
      LoraConfig config,
      TensorFile tensors,
      ModuleTree tree,
      BaseMatrices.Base base)
      throws IOException {
    LoraPlan plan = fit(files, config, tensors, tree).plan();
    new AdapterTensors(tensors, plan, files, tree, base).check();
  }

  private static AdapterFit fit(
      AdapterFiles files, LoraConfig config, TensorFile tensors, ModuleTree base) {
    refuseRandomStart(files, config);
    ModuleTree tree = new Vocabulary(base).resizedAs(tensors);
    try {
      return RecentFits.SHARED.of(config, tree);
    } catch (LoraException e) {
      throw new LoraException(
          "adapter %s does not fit %s: %s"
              .formatted(nameOf(files, config, tree), nameOf(tree), e.getMessage()),
          e);
    }
  }

  /** With the base that it was made for, if that is another. */
  static String nameOf(AdapterFiles files, LoraConfig config, ModuleTree tree) {
    return "'"
        + files.name()
        + "'"
        + config
            .baseModel()
            .filter(base -> !base.equals(nameOf(tree)))
            .map(base -> ", made for " + oneLine(base) + ",")
            .orElse("");
  }

  static String nameOf(ModuleTree tree) {
    return tree.baseName().isEmpty() ? tree.modelClass() : tree.baseName();
  }

  /** What such an adapter took off its base was drawn at random and is in no file. */
  private static void refuseRandomStart(AdapterFiles files, LoraConfig config) {
    String start = config.otherSettings().get("init_lora_weights");
    if (start != null) {
      throw new LoraException(
          ("adapter '%s' starts from %s, a random decomposition of its base that cannot be made"
                  + " again; convert it to plain LoRA where it was trained, by PEFT's"
                  + " save_pretrained(path_initial_model_for_weight_conversion=...)")
              .formatted(files.name(), start));
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

  /**
   * Files may leave PEFT's prefix out, and give DoRA's lengths the name that PEFT has in memory.
   */
  static Optional<TensorEntry> find(TensorFile tensors, String key) {
    Optional<TensorEntry> found =
        tensors.find(key).or(() -> tensors.find(key.substring(AdapterKeys.PREFIX.length())));
    return key.endsWith(DoraLinear.SUFFIX) && found.isEmpty()
        ? tensors.find(key + ".weight")
        : found;
  }

  /** One a line, as many as a message can hold. */
  static String listed(List<String> problems) {
    int listed = Math.min(LISTED, problems.size());
    String more =
        problems.size() > listed ? "\n  … and %d more".formatted(problems.size() - listed) : "";
    return String.join("\n  ", problems.subList(0, listed)) + more;
  }

  static String shorten(String name) {
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

  static String shape(List<Long> shape) {
    return shape.toString().replace('[', '(').replace(']', ')');
  }
}
