package io.github.lora4j;

import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
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
 * The tensors of an open file, held against those that an adapter's plan means.
 *
 * @param file the file
 * @param plan what is wanted
 * @param files the adapter, for messages
 * @param baseTree modules of the base, whose vocabulary may be another than the plan's
 * @param base what the base holds itself
 */
record AdapterTensors(
    TensorFile file,
    LoraPlan plan,
    AdapterFiles files,
    ModuleTree baseTree,
    BaseMatrices.Base base) {

  private static final Logger log = LoggerFactory.getLogger(AdapterTensors.class);

  private static final String FOREIGN =
      "\n  remove what is refused, or name it in target_modules, modules_to_save or bias";

  /** What becomes of a tensor that fits. */
  @FunctionalInterface
  private interface Taking {
    Optional<TensorData> take(TensorEntry tensor, String name, List<String> problems)
        throws IOException;
  }

  /** All that is wrong is said at once, values that are not finite included. */
  AdapterReader.Loaded onHeap() throws IOException {
    return match((tensor, name, problems) -> read(file, tensor, name, problems));
  }

  /** The same, of which nothing is kept. */
  void check() throws IOException {
    match(
        (tensor, name, problems) -> {
          read(file, tensor, name, problems);
          return Optional.empty();
        });
  }

  /**
   * Values stay in the file until somebody takes them, and are checked on the way. If anything is
   * wrong, it is told as {@link #check} does.
   */
  AdapterReader.Loaded whereTheyStand() throws IOException {
    try {
      return match((tensor, name, problems) -> stored(tensor, name, problems));
    } catch (LoraException e) {
      check(); // which may find more to say
      throw e;
    }
  }

  private Optional<TensorData> stored(TensorEntry tensor, String name, List<String> problems) {
    if (isTooLong(tensor, name, problems)) {
      return Optional.empty();
    }
    StoredValues values = new StoredValues(file, tensor, this::check);
    return Optional.of(TensorData.at(tensor.shape(), values));
  }

  private AdapterReader.Loaded match(Taking taking) throws IOException {
    BaseMatrices matrices = new BaseMatrices(file, plan, baseTree, base);
    Map<String, TensorData> values = new LinkedHashMap<>();
    Set<String> used = new LinkedHashSet<>();
    List<String> problems = new ArrayList<>();
    Map<String, List<Long>> wanted = plan.fileShapes();
    AdapterKeys keys = new AdapterKeys(plan);
    boolean hasBiases =
        plan.biases().stream()
            .anyMatch(bias -> AdapterReader.find(file, keys.inFile(bias.name())).isPresent());
    if (!plan.biases().isEmpty() && !hasBiases) {
      log.warn("the adapter says bias {} but carries none; the base's stay", plan.config().bias());
    }
    for (Map.Entry<String, List<Long>> entry : wanted.entrySet()) {
      String key = keys.inFile(entry.getKey());
      Optional<TensorEntry> found = AdapterReader.find(file, key);
      if (found.isEmpty()) {
        if (!isBias(entry.getKey()) || hasBiases) {
          problems.add(
              "%s: missing, model %s"
                  .formatted(
                      AdapterReader.shorten(entry.getKey()),
                      AdapterReader.shape(entry.getValue())));
        }
        continue;
      }
      used.add(found.get().name());
      if (AdapterReader.isOfShape(found.get(), entry.getKey(), entry.getValue(), problems)) {
        taking
            .take(found.get(), entry.getKey(), problems)
            .ifPresent(tensor -> values.put(entry.getKey(), tensor));
        saidTwice(found.get()).ifPresent(used::add);
      }
    }
    Map<String, TensorData> frozen = matrices.read(used, problems);
    int foreign = 0;
    for (TensorEntry tensor : file.tensors()) {
      if (!used.contains(tensor.name()) && !keys.repeats(tensor.name())) {
        foreign++;
        problems.add(
            AdapterReader.shorten(tensor.name()) + ": not a tensor of this adapter, refused");
      }
    }
    if (!problems.isEmpty()) {
      throw misfit(problems, wanted.size(), foreign);
    }
    return new AdapterReader.Loaded(plan, values, frozen, Optional.empty());
  }

  private boolean isBias(String name) {
    return plan.biases().stream().anyMatch(bias -> bias.name().equals(name));
  }

  /** Reads a tensor; empty if it has a value that no adapter may have. */
  static Optional<TensorData> read(
      TensorFile tensors, TensorEntry tensor, String name, List<String> problems)
      throws IOException {
    if (isTooLong(tensor, name, problems)) {
      return Optional.empty();
    }
    TensorData read = new TensorData(tensor.shape(), tensors.floats(tensor));
    OptionalInt bad = read.firstNotFinite();
    if (bad.isPresent()) {
      int at = bad.getAsInt();
      problems.add(
          "%s: element %d is %s".formatted(AdapterReader.shorten(name), at, read.values()[at]));
      return Optional.empty();
    }
    return Optional.of(read);
  }

  private static boolean isTooLong(TensorEntry tensor, String name, List<String> problems) {
    boolean tooLong = tensor.elements() > Integer.MAX_VALUE - 8;
    if (tooLong) {
      problems.add(
          "%s: %d elements, at most %d are read"
              .formatted(AdapterReader.shorten(name), tensor.elements(), Integer.MAX_VALUE - 8));
    }
    return tooLong;
  }

  /** PEFT writes the magnitudes of an embedding that is saved whole under two names. */
  private Optional<String> saidTwice(TensorEntry magnitudes) throws IOException {
    if (!magnitudes.name().endsWith(DoraLinear.SUFFIX)) {
      return Optional.empty();
    }
    Optional<TensorEntry> again = file.find(magnitudes.name() + ".weight");
    return again.isPresent()
            && again.get().shape().equals(magnitudes.shape())
            && Arrays.equals(file.floats(again.get()), file.floats(magnitudes))
        ? again.map(TensorEntry::name)
        : Optional.empty();
  }

  private LoraException misfit(List<String> problems, int wanted, int foreign) {
    ModuleTree tree = plan.tree();
    return new LoraException(
        "adapter %s does not fit %s (%d of %d tensors%s):\n  %s%s"
            .formatted(
                AdapterReader.nameOf(files, plan.config(), tree),
                AdapterReader.nameOf(tree),
                problems.size() - foreign,
                wanted,
                foreign == 0 ? "" : ", " + foreign + " foreign",
                AdapterReader.listed(problems),
                foreign == 0 ? "" : FOREIGN));
  }
}
