package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Decides which modules a configuration means, exactly as PEFT 0.21 does. */
final class TargetMatcher {

  /** Heads of classifiers, which {@code all-linear} leaves alone. */
  private static final Set<String> CLASSIFIER_HEADS = Set.of("score", "classifier");

  private static final Pattern FIRST_INDEX = Pattern.compile(".*?\\.[^.]*\\.(\\d+)\\.");

  private final LoraConfig config;
  private final TargetModules targets;

  TargetMatcher(LoraConfig config, String modelType) {
    this.config = config;
    this.targets = resolve(config.targetModules(), modelType);
  }

  private static TargetModules resolve(TargetModules given, String modelType) {
    if (given instanceof TargetModules.DefaultsFor defaults) {
      return DefaultTargets.of(defaults.modelType());
    } else if (given instanceof TargetModules.DefaultsOfModel) {
      return DefaultTargets.of(modelType);
    }
    return given;
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

  boolean matches(TargetModule module) {
    if (targets instanceof TargetModules.AllLinear) {
      return isBodyLinear(module) && !isExcluded(module.path());
    }
    return matchesPath(module.path());
  }

  /** The part of the decision that needs nothing but the path. */
  boolean matchesPath(String path) {
    if (isExcluded(path)) {
      return false;
    }
    if (targets instanceof TargetModules.Matching matching) {
      return PythonRegex.compile(matching.regex()).matcher(path).matches();
    }
    List<String> names = ((TargetModules.Names) targets).names();
    if (names.contains(path)) {
      return true; // a full path is meant as it stands, whatever its layer
    }
    return names.stream().anyMatch(name -> path.endsWith("." + name)) && isWantedLayer(path);
  }

  private boolean isBodyLinear(TargetModule module) {
    boolean classifies =
        config.taskType().filter(task -> task == TaskType.SEQ_CLS).isPresent()
            && CLASSIFIER_HEADS.contains(module.name());
    return module.kind() == Kind.LINEAR && !classifies;
  }

  boolean isExcluded(String path) {
    Optional<TargetModules> excluded = config.excludeModules();
    if (excluded.isEmpty()) {
      return false;
    }
    if (excluded.get() instanceof TargetModules.Matching matching) {
      return PythonRegex.compile(matching.regex()).matcher(path).matches();
    }
    if (excluded.get() instanceof TargetModules.Names names) {
      return names.names().stream().anyMatch(name -> isOrEndsWith(path, name));
    }
    return false;
  }

  static boolean isOrEndsWith(String path, String name) {
    return path.equals(name) || path.endsWith("." + name);
  }

  private boolean isWantedLayer(String path) {
    if (config.layersToTransform().isEmpty()) {
      return true;
    }
    Optional<Integer> layer = layerOf(path);
    return layer.isPresent() && config.layersToTransform().contains(layer.get());
  }

  private Optional<Integer> layerOf(String path) {
    if (config.layersPattern().isEmpty()) {
      return index(FIRST_INDEX, path);
    }
    for (String pattern : config.layersPattern()) {
      Pattern regex = PythonRegex.compile("(?:^|.*?\\.)" + pattern + "\\.(\\d+)\\.");
      Optional<Integer> layer = index(regex, path);
      if (layer.isPresent()) {
        return layer;
      }
    }
    return Optional.empty();
  }

  private static Optional<Integer> index(Pattern regex, String path) {
    Matcher matcher = regex.matcher(path);
    return matcher.lookingAt()
        ? Optional.of(Integer.parseInt(matcher.group(matcher.groupCount())))
        : Optional.empty();
  }

  int rankOf(String path) {
    return lookUp(config.rankPattern(), path).orElse(config.rank());
  }

  double alphaOf(String path) {
    return lookUp(config.alphaPattern(), path).orElse(config.alpha());
  }

  private static <V> Optional<V> lookUp(Map<String, V> patterns, String path) {
    for (Map.Entry<String, V> entry : patterns.entrySet()) {
      if (patternHits(entry.getKey(), path)) {
        return Optional.of(entry.getValue());
      }
    }
    return Optional.empty();
  }

  static boolean patternHits(String key, String path) {
    return PythonRegex.compile("(.*\\.)?(" + key + ")$").matcher(path).lookingAt();
  }

  /** Targets, exclusions and patterns that hit nothing: a typo that PEFT would train around. */
  List<String> unused(ModuleTree tree, List<TargetModule> matched) {
    List<String> unused = new ArrayList<>();
    if (config.excludeModules().isPresent()
        && tree.modules().stream().noneMatch(module -> isExcluded(module.path()))) {
      unused.add("excluded modules " + describe(config.excludeModules().get()) + " match nothing");
    }
    Set<String> patterns = new LinkedHashSet<>(config.rankPattern().keySet());
    patterns.addAll(config.alphaPattern().keySet());
    for (String key : patterns) {
      if (matched.stream().noneMatch(module -> patternHits(key, module.path()))) {
        unused.add("pattern '%s' of ranks or alphas matches no adapted module".formatted(key));
      }
    }
    return unused;
  }

  /** Listed names that no matched module answers to. */
  List<String> unmatchedNames(List<TargetModule> matched) {
    if (!(targets instanceof TargetModules.Names names)) {
      return matched.isEmpty() ? List.of(describe(targets)) : List.of();
    }
    return names.names().stream()
        .filter(name -> matched.stream().noneMatch(m -> isOrEndsWith(m.path(), name)))
        .toList();
  }

  static String describe(TargetModules targets) {
    if (targets instanceof TargetModules.Names names) {
      return names.names().toString();
    } else if (targets instanceof TargetModules.Matching matching) {
      return "'" + matching.regex() + "'";
    }
    return targets.getClass().getSimpleName().toLowerCase(Locale.ROOT);
  }
}
