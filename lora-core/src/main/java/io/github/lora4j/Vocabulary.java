package io.github.lora4j;

import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The vocabulary of a model: its head and the embeddings of as many rows. An adapter may have been
 * trained on a base whose vocabulary was resized; its file then carries these matrices with other
 * rows.
 */
final class Vocabulary {

  private static final String WEIGHT = ".weight";

  private final ModuleTree tree;
  private final int size;

  Vocabulary(ModuleTree tree) {
    this.tree = tree;
    this.size =
        tree.modules().stream()
            .filter(module -> module.kind() == Kind.OUTPUT_HEAD)
            .mapToInt(TargetModule::outFeatures)
            .findFirst()
            .orElse(0);
  }

  /** Modules with a row for each word: embeddings before heads. */
  List<TargetModule> modules() {
    return tree.modules().stream().filter(this::hasWords).toList();
  }

  private boolean hasWords(TargetModule module) {
    return size > 0
        && ((module.kind() == Kind.EMBEDDING && module.inFeatures() == size)
            || (module.kind() == Kind.OUTPUT_HEAD && module.outFeatures() == size));
  }

  /** Whether a head computes with the embedding's matrix. */
  boolean isTied(TargetModule module) {
    return module.kind() == Kind.OUTPUT_HEAD
        && tree.parameters().stream().noneMatch(p -> p.name().equals(nameOf(module)));
  }

  /**
   * What an adapter changes of a matrix that head and embedding share, by path; the other one keeps
   * the base's.
   */
  List<String> untiedBy(LoraPlan plan) {
    if (modules().stream().noneMatch(this::isTied)) {
      return List.of();
    }
    return modules().stream()
        .filter(
            module ->
                plan.pairs().stream().anyMatch(pair -> pair.path().equals(module.path()))
                    || plan.copies().stream().anyMatch(p -> p.name().equals(nameOf(module))))
        .map(TargetModule::path)
        .toList();
  }

  /** Shapes of the matrices with a row for each word, and of biases of heads, by name. */
  Map<String, List<Long>> shapes() {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    for (TargetModule module : modules()) {
      shapes.put(nameOf(module), shapeOf(module));
      biasOf(module).ifPresent(bias -> shapes.put(bias.name(), bias.shape()));
    }
    return shapes;
  }

  /** The bias of a head, which has an element for each word. */
  Optional<ParameterInfo> biasOf(TargetModule module) {
    String name = module.path() + ".bias";
    return tree.parameters().stream().filter(p -> p.name().equals(name)).findFirst();
  }

  static String nameOf(TargetModule module) {
    return module.path() + WEIGHT;
  }

  static List<Long> shapeOf(TargetModule module) {
    return module.kind() == Kind.EMBEDDING
        ? List.of((long) module.inFeatures(), (long) module.outFeatures())
        : List.of((long) module.outFeatures(), (long) module.inFeatures());
  }

  /** The whole matrix of a module in an adapter's file, if it is there. */
  static Optional<TensorEntry> find(TensorFile tensors, TargetModule module) {
    return find(tensors, module.path(), WEIGHT);
  }

  /** A parameter of a module in an adapter's file, wrapped as PEFT may have wrapped it, or not. */
  static Optional<TensorEntry> find(TensorFile tensors, String path, String parameter) {
    String key = AdapterKeys.PREFIX + path;
    return AdapterReader.find(tensors, key + parameter)
        .or(() -> AdapterReader.find(tensors, key + ".base_layer" + parameter))
        .or(() -> AdapterReader.find(tensors, key + ".modules_to_save" + parameter));
  }

  /**
   * The model with as many words as an adapter's file has rows; the same one if it has no other.
   */
  ModuleTree resizedAs(TensorFile tensors) {
    Set<Long> rows = new TreeSet<>();
    for (TargetModule module : modules()) {
      List<Long> own = shapeOf(module);
      find(tensors, module)
          .map(TensorEntry::shape)
          .filter(shape -> shape.size() == 2 && shape.get(1).equals(own.get(1)))
          .ifPresent(shape -> rows.add(shape.get(0)));
    }
    if (rows.size() != 1 || rows.contains((long) size)) {
      return tree; // what differs is then listed as a mismatch
    }
    return resized(Math.toIntExact(rows.iterator().next()));
  }

  private ModuleTree resized(int words) {
    List<TargetModule> modules =
        tree.modules().stream().map(m -> hasWords(m) ? resized(m, words) : m).toList();
    List<ParameterInfo> parameters =
        tree.parameters().stream().map(p -> hasWords(p) ? resized(p, words) : p).toList();
    return new ModuleTree(tree.modelType(), tree.baseName(), modules, parameters);
  }

  private static TargetModule resized(TargetModule module, int words) {
    return module.kind() == Kind.EMBEDDING
        ? TargetModule.embedding(module.path(), words, module.outFeatures())
        : TargetModule.outputHead(
            module.path(), module.inFeatures(), words, module.description().contains("bias=True"));
  }

  private boolean hasWords(ParameterInfo parameter) {
    return modules().stream().anyMatch(m -> parameter.name().startsWith(m.path() + "."));
  }

  private static ParameterInfo resized(ParameterInfo parameter, int words) {
    List<Long> shape = new ArrayList<>(parameter.shape());
    shape.set(0, (long) words);
    return new ParameterInfo(parameter.name(), shape);
  }
}
