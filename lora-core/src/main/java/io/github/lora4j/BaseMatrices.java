package io.github.lora4j;

import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The whole embeddings and heads that PEFT saves beside an adapter's own tensors, where one of them
 * is a target or the vocabulary was resized. What the base holds already is left out; what differs
 * from the base stands in its place in the adapter's view, untrained.
 */
final class BaseMatrices {

  private static final Logger log = LoggerFactory.getLogger(BaseMatrices.class);

  /** Elements that are compared with the base's at a time. */
  private static final int COMPARED = 1 << 20;

  /** Compares rows with those of the base, as {@link io.github.lora4j.spi.LoraBackend#holds}. */
  @FunctionalInterface
  interface Base {
    boolean holds(String name, int firstRow, TensorData rows);
  }

  private final TensorFile tensors;
  private final LoraPlan plan;
  private final Base base;
  private final boolean resized;
  private final Vocabulary vocabulary;
  private final Map<String, TensorData> frozen = new LinkedHashMap<>();

  BaseMatrices(TensorFile tensors, LoraPlan plan, ModuleTree baseTree, Base base) {
    this.tensors = tensors;
    this.plan = plan;
    this.base = base;
    this.resized = !Objects.equals(plan.tree(), baseTree); // mostly one and the same
    this.vocabulary = new Vocabulary(plan.tree());
  }

  /** Reads what differs from the base, by name of the parameter. */
  Map<String, TensorData> read(Set<String> used, List<String> problems) throws IOException {
    List<TargetModule> modules = vocabulary.modules();
    for (TargetModule module : modules) {
      if (isCopied(Vocabulary.nameOf(module))) {
        continue;
      }
      Optional<TensorEntry> entry = Vocabulary.find(tensors, module);
      if (entry.isPresent()) {
        used.add(entry.get().name());
        read(module, entry.get(), problems);
      }
    }
    for (TargetModule module : modules) {
      readBias(module, used, problems);
    }
    modules.stream().filter(vocabulary::isTied).forEach(this::tie);
    if (resized) {
      modules.forEach(module -> requirePresent(module, problems));
    }
    return frozen;
  }

  private boolean isCopied(String name) {
    return plan.copies().stream().map(ParameterInfo::name).anyMatch(name::equals);
  }

  private void read(TargetModule module, TensorEntry entry, List<String> problems)
      throws IOException {
    String name = Vocabulary.nameOf(module);
    List<Long> shape = Vocabulary.shapeOf(module);
    if (AdapterReader.isOfShape(entry, name, shape, problems)
        && (resized || !isOfBase(name, entry, shape))) {
      AdapterTensors.read(tensors, entry, name, problems)
          .ifPresent(values -> frozen.put(name, values));
      if (!resized) {
        log.warn("the adapter brings its own {}, which differs from the base's", name);
      }
    }
  }

  /** PEFT saves the bias of a head with its matrix. */
  private void readBias(TargetModule module, Set<String> used, List<String> problems)
      throws IOException {
    Optional<ParameterInfo> bias = vocabulary.biasOf(module);
    if (bias.isEmpty() || plan.biases().contains(bias.get()) || isCopied(bias.get().name())) {
      return;
    }
    String name = bias.get().name();
    Optional<TensorEntry> entry = Vocabulary.find(tensors, module.path(), ".bias");
    if (entry.isPresent()) {
      used.add(entry.get().name());
      if (AdapterReader.isOfShape(entry.get(), name, bias.get().shape(), problems)) {
        AdapterTensors.read(tensors, entry.get(), name, problems)
            .filter(values -> resized || !base.holds(name, 0, values))
            .ifPresent(values -> frozen.put(name, values));
      }
    } else if (resized) {
      problems.add(missing(name, bias.get().shape()));
    }
  }

  private boolean isOfBase(String name, TensorEntry entry, List<Long> shape) throws IOException {
    int rows = Math.toIntExact(shape.get(0));
    int width = Math.toIntExact(shape.get(1));
    int block = Math.max(1, COMPARED / width);
    for (int row = 0; row < rows; row += block) {
      int count = Math.min(block, rows - row);
      float[] values = tensors.floats(entry, (long) row * width, count * width);
      if (!base.holds(name, row, TensorData.matrix(count, width, values))) {
        return false;
      }
    }
    return true;
  }

  /** One matrix for a tied head and its embedding, unless the embedding is a trained copy. */
  private void tie(TargetModule head) {
    String name = Vocabulary.nameOf(head);
    for (TargetModule module : vocabulary.modules()) {
      if (!vocabulary.isTied(module)
          && !isCopied(Vocabulary.nameOf(module))
          && frozen.containsKey(name)) {
        TensorData own = frozen.get(name);
        TensorData first = frozen.putIfAbsent(Vocabulary.nameOf(module), own);
        if (first == null || first.equals(own)) {
          frozen.remove(name);
        }
      }
    }
  }

  private void requirePresent(TargetModule module, List<String> problems) {
    String name = Vocabulary.nameOf(module);
    boolean byTie =
        vocabulary.isTied(module)
            && vocabulary.modules().stream().map(Vocabulary::nameOf).anyMatch(frozen::containsKey);
    if (!byTie && !isCopied(name) && !frozen.containsKey(name)) {
      problems.add(missing(name, Vocabulary.shapeOf(module)));
    }
  }

  private static String missing(String name, List<Long> shape) {
    return "%s: missing, wanted %s as the adapter's other matrices of the vocabulary"
        .formatted(AdapterReader.shorten(name), AdapterReader.shape(shape));
  }
}
