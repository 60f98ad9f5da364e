package io.github.lora4j;

import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The base that an adapter's tensors speak of: a linear map for every pair, as wide as the pair,
 * and the biases that the file brings along. Against it the reader checks an adapter without its
 * base.
 *
 * @param tree of the modules that the tensors name
 */
record OwnModules(ModuleTree tree) {

  private static final String ROOT = "the modules that its file names";
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";
  private static final String BIAS = ".bias";
  private static final String BASE_BIAS = ".base_layer.bias";

  static OwnModules of(AdapterFiles files, TensorFile file) {
    Map<String, TensorEntry> as = new LinkedHashMap<>();
    Map<String, TensorEntry> bs = new LinkedHashMap<>();
    List<ParameterInfo> biases = new ArrayList<>();
    for (TensorEntry tensor : file.tensors()) {
      String name = bare(tensor.name());
      if (name.endsWith(A)) {
        as.put(cut(name, A), tensor);
      } else if (name.endsWith(B)) {
        bs.put(cut(name, B), tensor);
      } else if (name.endsWith(BIAS)) {
        String path = name.endsWith(BASE_BIAS) ? cut(name, BASE_BIAS) : cut(name, BIAS);
        biases.add(new ParameterInfo(path + BIAS, tensor.shape()));
      }
    }
    if (as.isEmpty() && bs.isEmpty()) {
      throw new LoraException(
          "adapter '%s': wanted pairs of lora_A and lora_B, its file holds %s; have it saved anew"
              .formatted(files.name(), summary(file.tensors())));
    }
    List<TargetModule> modules = new ArrayList<>(pairs(files, as, bs));
    modules.add(0, TargetModule.other("", ROOT, ""));
    return new OwnModules(new ModuleTree("", "", modules, biases));
  }

  private static String summary(List<TensorEntry> tensors) {
    return tensors.isEmpty()
        ? "no tensor"
        : "%d other tensors, the first '%.120s'".formatted(tensors.size(), tensors.get(0).name());
  }

  private static List<TargetModule> pairs(
      AdapterFiles files, Map<String, TensorEntry> as, Map<String, TensorEntry> bs) {
    Set<String> paths = new LinkedHashSet<>(as.keySet());
    paths.addAll(bs.keySet());
    List<TargetModule> modules = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    for (String path : paths) {
      TensorEntry a = as.get(path);
      TensorEntry b = bs.get(path);
      if (a == null || b == null) {
        problems.add("%s: %s is missing".formatted(path, a == null ? "lora_A" : "lora_B"));
      } else if (!isMatrix(a) || !isMatrix(b)) {
        problems.add("%s: %s and %s are not two matrices".formatted(path, a.shape(), b.shape()));
      } else {
        modules.add(TargetModule.linear(path, side(a, 1), side(b, 0), true));
      }
    }
    if (!problems.isEmpty()) {
      throw new LoraException(
          "adapter '%s': wanted a lora_A (rank, in) and a lora_B (out, rank) for each module:\n  %s"
              .formatted(files.name(), AdapterReader.listed(problems)));
    }
    return modules;
  }

  private static boolean isMatrix(TensorEntry tensor) {
    return tensor.shape().size() == 2
        && tensor.shape().stream().allMatch(size -> size > 0 && size <= Integer.MAX_VALUE);
  }

  private static int side(TensorEntry tensor, int dimension) {
    return Math.toIntExact(tensor.shape().get(dimension));
  }

  private static String bare(String name) {
    return name.startsWith(AdapterKeys.PREFIX) ? name.substring(AdapterKeys.PREFIX.length()) : name;
  }

  private static String cut(String name, String end) {
    return name.substring(0, name.length() - end.length());
  }

  /** A configuration that leaves its targets to the base means those that its file has. */
  LoraConfig named(LoraConfig config) {
    if (!(config.targetModules() instanceof TargetModules.DefaultsOfModel)) {
      return config;
    }
    List<String> paths = tree.modules().stream().skip(1).map(TargetModule::path).toList();
    return config.toBuilder().targetModules(new TargetModules.Names(paths)).build();
  }
}
