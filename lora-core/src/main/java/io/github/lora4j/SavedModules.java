package io.github.lora4j;

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
import java.util.TreeSet;

/**
 * The modules of a model that an adapter trains whole copies of (PEFT's {@code modules_to_save}). A
 * name means the modules that are called so, or whose path ends in it after a dot; PEFT lets a name
 * end anywhere, so that its {@code head} also takes {@code aux_head}.
 */
final class SavedModules {

  private final List<String> names;
  private final ModuleTree tree;

  SavedModules(LoraConfig config, ModuleTree tree) {
    this.names = config.modulesToSave();
    this.tree = tree;
  }

  /** Whether a module is one of those named or stands in one; such modules get no pair. */
  static boolean cover(List<String> names, String path) {
    if (names.isEmpty()) {
      return false;
    }
    String dotted = "." + path + ".";
    return names.stream().anyMatch(name -> dotted.contains("." + name + "."));
  }

  /**
   * With the heads of its task that a file has tensors of: PEFT trains them whole without naming
   * them.
   */
  static LoraConfig withHeads(LoraConfig config, TensorFile tensors) {
    Set<String> names = new LinkedHashSet<>(config.modulesToSave());
    for (String head : new TreeSet<>(config.taskType().map(TaskType::heads).orElse(Set.of()))) {
      boolean found =
          tensors.tensors().stream()
              .anyMatch(tensor -> cover(List.of(head), moduleOf(tensor.name())));
      if (found && !cover(config.modulesToSave(), head)) {
        names.add(head);
      }
    }
    return names.size() == config.modulesToSave().size()
        ? config
        : config.toBuilder().modulesToSave(names.toArray(String[]::new)).build();
  }

  /** Names that no module with a parameter answers to. */
  List<String> unmatched() {
    return names.stream().filter(name -> parameters(List.of(name)).isEmpty()).toList();
  }

  /** What is copied, in the order of the model; a tied head as a parameter of its own. */
  List<ParameterInfo> parameters() {
    return parameters(names);
  }

  private List<ParameterInfo> parameters(List<String> wanted) {
    if (wanted.isEmpty()) {
      return List.of();
    }
    return all().stream().filter(parameter -> cover(wanted, moduleOf(parameter.name()))).toList();
  }

  private List<ParameterInfo> all() {
    List<ParameterInfo> all = new ArrayList<>(tree.parameters());
    for (TargetModule module : tree.modules()) {
      if (module.kind() != Kind.OUTPUT_HEAD) {
        continue;
      }
      String name = module.path() + ".weight";
      if (all.stream().noneMatch(parameter -> parameter.name().equals(name))) {
        List<Long> shape = List.of((long) module.outFeatures(), (long) module.inFeatures());
        all.add(new ParameterInfo(name, shape));
      }
    }
    return all;
  }

  private static String moduleOf(String parameter) {
    return parameter.substring(0, Math.max(0, parameter.lastIndexOf('.')));
  }

  /** One sentence on names that match nothing. */
  String problem() {
    return "modules to save %s match nothing in %s; it has: %s"
        .formatted(unmatched(), tree.modelClass(), available());
  }

  private String available() {
    Map<String, Integer> counts = new LinkedHashMap<>();
    for (ParameterInfo parameter : all()) {
      if (parameter.name().endsWith(".weight")) {
        String path = moduleOf(parameter.name());
        counts.merge(path.substring(path.lastIndexOf('.') + 1), 1, Integer::sum);
      }
    }
    List<String> entries = new ArrayList<>();
    counts.forEach((name, count) -> entries.add(name + " x" + count));
    return String.join(", ", entries);
  }
}
