package io.github.lora4j;

import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The base that an adapter's tensors speak of: a module for every pair, as wide as the pair, and
 * the parameters that the file may bring along. Against it the reader checks an adapter without its
 * base.
 */
final class OwnModules {

  private static final String ROOT = "the modules that its file names";

  /** Where a vocabulary is known by an embedding alone; no target has this name. */
  private static final String UNNAMED_HEAD = "(head)";

  private static final String BASE = ".base_layer";
  private static final String WEIGHT = ".weight";
  private static final String BIAS = ".bias";
  private static final Set<String> HEADS = Set.of("lm_head", "embed_out", "output_layer");

  private final AdapterFiles files;
  private final LoraConfig config;
  private final Map<String, TensorEntry> tensors = new LinkedHashMap<>();
  private final List<TargetModule> modules = new ArrayList<>();
  private final List<ParameterInfo> parameters = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();

  private OwnModules(AdapterFiles files, LoraConfig config) {
    this.files = files;
    this.config = config;
  }

  /**
   * Reads names and shapes.
   *
   * @throws LoraException if there is no pair, or half of one
   */
  static ModuleTree of(AdapterFiles files, LoraConfig config, TensorFile file) {
    OwnModules own = new OwnModules(files, config);
    for (TensorEntry tensor : file.tensors()) {
      String name = tensor.name();
      own.tensors.put(
          name.startsWith(AdapterKeys.PREFIX) ? name.substring(AdapterKeys.PREFIX.length()) : name,
          tensor);
    }
    own.addPairs(".lora_A" + WEIGHT, ".lora_B" + WEIGHT, false);
    own.addPairs(".lora_embedding_A", ".lora_embedding_B", true);
    own.requirePairs();
    own.tensors.keySet().forEach(own::addParameter);
    own.addHead();
    own.modules.add(0, TargetModule.other("", ROOT, ""));
    return new ModuleTree("", "", own.modules, own.parameters);
  }

  private void addPairs(String endOfA, String endOfB, boolean embeddings) {
    Set<String> paths = new LinkedHashSet<>();
    for (String name : tensors.keySet()) {
      if (name.endsWith(endOfA) || name.endsWith(endOfB)) {
        paths.add(name.substring(0, name.length() - endOfA.length()));
      }
    }
    for (String path : paths) {
      TensorEntry a = tensors.get(path + endOfA);
      TensorEntry b = tensors.get(path + endOfB);
      if (a == null || b == null) {
        problems.add("%s: %s is missing".formatted(path, a == null ? "lora_A" : "lora_B"));
      } else if (!isMatrix(a) || !isMatrix(b)) {
        problems.add("%s: %s and %s are not two matrices".formatted(path, a.shape(), b.shape()));
      } else {
        modules.add(module(path, side(a, 1), side(b, 0), embeddings));
      }
    }
  }

  private TargetModule module(String path, int in, int out, boolean embedding) {
    if (embedding) {
      return TargetModule.embedding(path, in, out);
    } else if (HEADS.contains(last(path)) && tensors.containsKey(path + BASE + WEIGHT)) {
      return TargetModule.outputHead(path, in, out, false);
    }
    // as the configuration says it, so that nothing is put right
    String type = config.fanInFanOut() ? "Conv1D" : "Linear";
    return new TargetModule(path, type, "", Kind.LINEAR, in, out);
  }

  private void requirePairs() {
    if (!problems.isEmpty()) {
      throw new LoraException(
          "adapter '%s': wanted a lora_A (rank, in) and a lora_B (out, rank) for each module:\n  %s"
              .formatted(files.name(), AdapterReader.listed(problems)));
    }
    if (modules.isEmpty()) {
      String held =
          tensors.isEmpty()
              ? "no tensor"
              : "%d other tensors, the first '%.120s'"
                  .formatted(tensors.size(), tensors.keySet().iterator().next());
      throw new LoraException(
          "adapter '%s': wanted pairs of lora_A and lora_B, its file holds %s; have it saved anew"
              .formatted(files.name(), held));
    }
  }

  /** Biases, parameters of modules that are saved whole, and matrices of a vocabulary. */
  private void addParameter(String name) {
    TensorEntry tensor = tensors.get(name);
    int dot = name.lastIndexOf('.');
    if (tensor == null || dot < 0 || name.contains(".lora_")) {
      return;
    }
    String end = name.substring(dot);
    String path = name.substring(0, dot);
    String module = path.endsWith(BASE) ? path.substring(0, path.length() - BASE.length()) : path;
    boolean whole = SavedModules.cover(config.modulesToSave(), module);
    if (end.equals(BIAS) || whole) {
      parameters.add(new ParameterInfo(module + end, tensor.shape()));
    } else if (end.equals(WEIGHT) && isMatrix(tensor)) {
      addWords(module, tensor);
    }
  }

  private void addWords(String path, TensorEntry tensor) {
    boolean known = modules.stream().anyMatch(module -> module.path().equals(path));
    String name = last(path);
    if (HEADS.contains(name)) {
      if (!known) {
        modules.add(TargetModule.outputHead(path, side(tensor, 1), side(tensor, 0), false));
      }
      parameters.add(new ParameterInfo(path + WEIGHT, tensor.shape()));
    } else if (known || name.contains("embed") || name.equals("wte")) {
      if (!known) {
        modules.add(TargetModule.embedding(path, side(tensor, 0), side(tensor, 1)));
      }
      parameters.add(new ParameterInfo(path + WEIGHT, tensor.shape()));
    }
  }

  private void addHead() {
    if (modules.stream().noneMatch(module -> module.kind() == Kind.OUTPUT_HEAD)) {
      modules.stream()
          .filter(module -> module.kind() == Kind.EMBEDDING)
          .findFirst()
          .map(e -> TargetModule.outputHead(UNNAMED_HEAD, e.outFeatures(), e.inFeatures(), false))
          .ifPresent(modules::add);
    }
  }

  private static String last(String path) {
    return path.substring(path.lastIndexOf('.') + 1);
  }

  private static boolean isMatrix(TensorEntry tensor) {
    return tensor.shape().size() == 2
        && tensor.shape().stream().allMatch(size -> size > 0 && size <= Integer.MAX_VALUE);
  }

  private static int side(TensorEntry tensor, int dimension) {
    return Math.toIntExact(tensor.shape().get(dimension));
  }

  /** A configuration that leaves its targets to the base means those that the file has pairs of. */
  static LoraConfig named(LoraConfig config, ModuleTree own) {
    if (!(config.targetModules() instanceof TargetModules.DefaultsOfModel)) {
      return config;
    }
    List<String> paths = own.modules().stream().skip(1).map(TargetModule::path).toList();
    return config.toBuilder().targetModules(new TargetModules.Names(paths)).build();
  }
}
