package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Predicate;

/** Decides which modules a configuration means, exactly as PEFT 0.21 does. */
final class TargetMatcher {

  private static final PythonRegex FIRST_INDEX = PythonRegex.ofStart(".*?\\.[^.]*\\.(\\d+)\\.");

  private final LoraConfig config;
  private final TargetModules targets;
  private final Predicate<String> named;
  private final Predicate<String> excluded;
  private final Set<String> heads;
  private final List<PythonRegex> layers;
  private final ModulePatterns patterns = new ModulePatterns();

  TargetMatcher(LoraConfig config, String modelType) {
    this.config = config;
    this.targets = resolve(config.targetModules(), modelType);
    this.named = predicate(targets);
    this.excluded = config.excludeModules().map(TargetMatcher::predicate).orElse(path -> false);
    this.heads = config.taskType().map(TaskType::heads).orElse(Set.of());
    this.layers = config.layersPattern().stream().map(PythonRegex::ofLayers).toList();
    patterns.add(config.rankPattern().keySet());
    patterns.add(config.alphaPattern().keySet());
  }

  private static TargetModules resolve(TargetModules given, String modelType) {
    if (given instanceof TargetModules.DefaultsFor defaults) {
      return defaults.resolved();
    } else if (given instanceof TargetModules.DefaultsOfModel) {
      return DefaultTargets.find(modelType)
          .orElseThrow(() -> new LoraException(DefaultTargets.unknown(modelType)));
    }
    return given;
  }

  private static Predicate<String> predicate(TargetModules targets) {
    if (targets instanceof TargetModules.Matching matching) {
      return PythonRegex.of(matching.regex())::matches;
    } else if (targets instanceof TargetModules.Names names) {
      return path -> names.names().stream().anyMatch(name -> isOrEndsWith(path, name));
    }
    return path -> true;
  }

  /** The targets with defaults replaced by what they stand for. */
  TargetModules targets() {
    return targets;
  }

  List<TargetModule> match(ModuleTree tree) {
    List<TargetModule> matched = new ArrayList<>();
    for (TargetModule module : tree.modules()) {
      if (!module.path().isEmpty() && matches(module)) {
        matched.add(module);
      }
    }
    return matched;
  }

  private boolean matches(TargetModule module) {
    boolean kindFits =
        !(targets instanceof TargetModules.AllLinear) || module.kind() == Kind.LINEAR;
    return kindFits && matchesPath(module.path());
  }

  /** The part of the decision that needs nothing but the path. */
  boolean matchesPath(String path) {
    return !isExcluded(path) && isNamed(path) && isWantedLayer(path);
  }

  boolean isNamed(String path) {
    return named.test(path);
  }

  boolean isExcluded(String path) {
    return excluded.test(path)
        || SavedModules.cover(config.modulesToSave(), path)
        || (!heads.isEmpty() && isInHead(path));
  }

  private boolean isInHead(String path) {
    return List.of(path.split("\\.", -1)).stream().anyMatch(heads::contains);
  }

  static boolean isOrEndsWith(String path, String name) {
    return path.equals(name) || path.endsWith("." + name);
  }

  private boolean isWantedLayer(String path) {
    if (config.layersToTransform().isEmpty()
        || !(targets instanceof TargetModules.Names names)
        || names.names().contains(path)) { // a full path is meant as it stands
      return true;
    }
    OptionalInt layer = layerOf(path);
    return layer.isPresent() && config.layersToTransform().contains(layer.getAsInt());
  }

  /** The layer that a path is in, as {@code layers_to_transform} counts. */
  OptionalInt layerOf(String path) {
    if (layers.isEmpty()) {
      return FIRST_INDEX.number(path);
    }
    return layers.stream()
        .map(pattern -> pattern.number(path))
        .filter(OptionalInt::isPresent)
        .findFirst()
        .orElse(OptionalInt.empty());
  }

  int rankOf(String path) {
    return lookUp(config.rankPattern(), path).orElse(config.rank());
  }

  double alphaOf(String path) {
    return lookUp(config.alphaPattern(), path).orElse(config.alpha());
  }

  private <V> Optional<V> lookUp(Map<String, V> values, String path) {
    return values.entrySet().stream()
        .filter(entry -> patternHits(entry.getKey(), path))
        .map(Map.Entry::getValue)
        .findFirst();
  }

  /** Whether a key of the rank or alpha patterns means a module. */
  boolean patternHits(String key, String path) {
    return patterns.hits(key, path);
  }

  static String describe(TargetModules targets) {
    if (targets instanceof TargetModules.Names names) {
      return names.names().toString();
    } else if (targets instanceof TargetModules.Matching matching) {
      return "'" + matching.regex() + "'";
    }
    return targets instanceof TargetModules.AllLinear ? "all-linear" : targets.toString();
  }
}
