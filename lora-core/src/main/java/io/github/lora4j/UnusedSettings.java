package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What a configuration asks for and a model has not: targets, exclusions, layers and patterns that
 * hit nothing. PEFT trains around such a typo; a fresh adapter here does not start.
 */
final class UnusedSettings {

  private final LoraConfig config;
  private final TargetMatcher matcher;
  private final ModuleTree tree;
  private final List<TargetModule> matched;

  UnusedSettings(LoraConfig config, TargetMatcher matcher, ModuleTree tree) {
    this.config = config;
    this.matcher = matcher;
    this.tree = tree;
    this.matched = matcher.match(tree);
  }

  /** Listed targets that no adapted module answers to; all of them if there is no such module. */
  List<String> targets() {
    if (!(matcher.targets() instanceof TargetModules.Names names)) {
      return matched.isEmpty() ? List.of(TargetMatcher.describe(matcher.targets())) : List.of();
    }
    return names.names().stream()
        .filter(name -> matched.stream().noneMatch(m -> TargetMatcher.isOrEndsWith(m.path(), name)))
        .toList();
  }

  /** Of the {@link #targets}, those that the base lacks and not only other settings leave out. */
  List<String> missing() {
    return targets().stream().filter(target -> named(List.of(target)).isEmpty()).toList();
  }

  /** Everything that hits nothing, as sentences; empty if all is used. */
  List<String> problems() {
    List<String> problems = new ArrayList<>();
    List<String> targets = targets();
    if (!targets.isEmpty()) {
      problems.add(targetProblem(targets));
    }
    excluded(problems);
    SavedModules saved = new SavedModules(config, tree);
    if (!saved.unmatched().isEmpty()) {
      problems.add(saved.problem());
    }
    if (!matched.isEmpty()) {
      layers(problems);
      patterns(problems);
    }
    return problems;
  }

  /** Tells a name that the model lacks from one that other settings leave nothing of. */
  String targetProblem(List<String> targets) {
    List<String> named = named(targets);
    boolean all = matcher.targets() instanceof TargetModules.AllLinear;
    if (named.isEmpty() || all) {
      return TargetReport.nothingMatches(targets, tree);
    }
    List<String> kept = named.stream().filter(path -> !matcher.isExcluded(path)).toList();
    if (kept.isEmpty()) {
      return "target modules %s match %d modules, and all are excluded"
          .formatted(targets, named.size());
    }
    return "target modules %s match %d modules, none of them in layers %s; they are in %s"
        .formatted(targets, kept.size(), config.layersToTransform(), layersOf(kept));
  }

  private List<String> named(List<String> targets) {
    return tree.modules().stream()
        .map(TargetModule::path)
        .filter(path -> !path.isEmpty() && matcher.isNamed(path))
        .filter(path -> isTargetOf(targets, path))
        .toList();
  }

  private boolean isTargetOf(List<String> targets, String path) {
    return !(matcher.targets() instanceof TargetModules.Names)
        || targets.stream().anyMatch(name -> TargetMatcher.isOrEndsWith(path, name));
  }

  private String layersOf(List<String> paths) {
    Set<Integer> layers = new TreeSet<>();
    for (String path : paths) {
      matcher.layerOf(path).ifPresent(layers::add);
    }
    if (layers.isEmpty()) {
      return "no numbered layer"
          + (config.layersPattern().isEmpty() ? "; name a layers pattern" : "");
    }
    return "layers " + layers;
  }

  private void excluded(List<String> problems) {
    if (config.excludeModules().isEmpty()) {
      return;
    }
    TargetModules excluded = config.excludeModules().get();
    List<String> unused = new ArrayList<>();
    if (excluded instanceof TargetModules.Names names) {
      for (String name : names.names()) {
        if (noPath(path -> TargetMatcher.isOrEndsWith(path, name))) {
          unused.add(name);
        }
      }
    } else if (noPath(matcher::isExcluded)) {
      unused.add(TargetMatcher.describe(excluded));
    }
    if (!unused.isEmpty()) {
      problems.add("excluded modules %s match nothing in %s".formatted(unused, tree.modelClass()));
    }
  }

  private boolean noPath(java.util.function.Predicate<String> test) {
    return tree.modules().stream().map(TargetModule::path).noneMatch(test);
  }

  private void layers(List<String> problems) {
    Set<Integer> unused = new TreeSet<>(config.layersToTransform());
    for (TargetModule module : matched) {
      OptionalInt layer = matcher.layerOf(module.path());
      layer.ifPresent(unused::remove);
    }
    if (!unused.isEmpty()) {
      List<String> paths =
          tree.modules().stream().map(TargetModule::path).filter(matcher::isNamed).toList();
      problems.add(
          "layers %s hold no target; targets are in %s".formatted(unused, layersOf(paths)));
    }
  }

  private void patterns(List<String> problems) {
    Set<String> keys = new LinkedHashSet<>(config.rankPattern().keySet());
    keys.addAll(config.alphaPattern().keySet());
    Set<String> unused =
        keys.stream()
            .filter(key -> matched.stream().noneMatch(m -> matcher.patternHits(key, m.path())))
            .map(key -> "'" + key + "'")
            .collect(Collectors.toCollection(LinkedHashSet::new));
    if (!unused.isEmpty()) {
      problems.add(
          "pattern %s of ranks or alphas matches no adapted module"
              .formatted(String.join(", ", unused)));
    }
  }
}
