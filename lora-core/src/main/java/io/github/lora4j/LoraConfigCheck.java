package io.github.lora4j;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What is wrong with the settings of a configuration, all of it, before any model is touched. */
final class LoraConfigCheck {

  /** Of names in one list: twice the maps of the largest mixtures of experts. */
  private static final int MOST = 50_000;

  private final List<String> problems = new ArrayList<>();

  List<String> problems() {
    return problems;
  }

  LoraConfigCheck numbers(int rank, double alpha, double dropout) {
    if (rank <= 0) {
      problems.add("rank must be positive, got " + rank);
    }
    if (!isPositive(alpha)) {
      problems.add("alpha must be positive%s, got %s".formatted(bound(alpha), alpha));
    }
    if (!(dropout >= 0 && dropout < 1)) {
      problems.add("dropout must be in [0, 1), got " + dropout);
    }
    return this;
  }

  LoraConfigCheck targets(TargetModules targets, Optional<TargetModules> excluded) {
    bound("target modules", names(targets));
    bound("excluded modules", excluded.map(LoraConfigCheck::names).orElse(0));
    if (targets instanceof TargetModules.Names names && names.names().isEmpty()) {
      problems.add("target modules must name at least one module, got an empty list");
    }
    if (targets instanceof TargetModules.Matching matching) {
      check(() -> PythonRegex.of(matching.regex()), "target modules", matching.regex());
    }
    if (excluded.isPresent()) {
      checkExcluded(excluded.get());
    }
    return this;
  }

  private static int names(TargetModules targets) {
    return targets instanceof TargetModules.Names names ? names.names().size() : 0;
  }

  private boolean bound(String what, int count) {
    if (count > MOST) {
      problems.add("%s are %,d, at most %,d can be named".formatted(what, count, MOST));
    }
    return count <= MOST;
  }

  LoraConfigCheck modulesToSave(List<String> names) {
    bound("modules to save", names.size());
    names.stream()
        .filter(name -> name.isBlank() || name.startsWith(".") || name.endsWith("."))
        .forEach(
            name ->
                problems.add("modules to save need names or ends of paths, got '" + name + "'"));
    return this;
  }

  private void checkExcluded(TargetModules excluded) {
    if (excluded instanceof TargetModules.Matching matching) {
      check(() -> PythonRegex.of(matching.regex()), "excluded modules", matching.regex());
    } else if (!(excluded instanceof TargetModules.Names)) {
      problems.add("excluded modules need names or a regular expression, got " + excluded);
    }
  }

  LoraConfigCheck layers(TargetModules targets, List<Integer> layers, List<String> patterns) {
    boolean whole =
        targets instanceof TargetModules.Matching || targets instanceof TargetModules.AllLinear;
    if (!layers.isEmpty() && whole) {
      problems.add("layers to transform need target modules given by name, got " + targets);
    }
    if (!patterns.isEmpty() && layers.isEmpty()) {
      problems.add("a layers pattern needs layers to transform, got none");
    }
    layers.stream()
        .filter(layer -> layer < 0)
        .forEach(layer -> problems.add("layers to transform count from 0, got " + layer));
    patterns.forEach(name -> check(() -> PythonRegex.ofLayers(name), "layers pattern", name));
    return this;
  }

  LoraConfigCheck patterns(Map<String, Integer> ranks, Map<String, Double> alphas) {
    boolean fewRanks = bound("rank patterns", ranks.size());
    boolean fewAlphas = bound("alpha patterns", alphas.size());
    if (!fewRanks || !fewAlphas) {
      return this;
    }
    ranks.forEach(
        (key, value) -> {
          check(() -> PythonRegex.ofEnd(key), "rank pattern", key);
          if (value <= 0) {
            problems.add("rank of pattern '%s' must be positive, got %d".formatted(key, value));
          }
        });
    alphas.forEach(
        (key, value) -> {
          check(() -> PythonRegex.ofEnd(key), "alpha pattern", key);
          if (!isPositive(value)) {
            problems.add(
                "alpha of pattern '%s' must be positive%s, got %s"
                    .formatted(key, bound(value), value));
          }
        });
    return this;
  }

  private static boolean isPositive(double value) {
    return value > 0 && value <= Float.MAX_VALUE;
  }

  /** Engines scale in fp32, in which a larger number is infinite. */
  private static String bound(double value) {
    return value > Float.MAX_VALUE && !Double.isInfinite(value)
        ? " and at most " + Float.MAX_VALUE
        : "";
  }

  private void check(Runnable compile, String what, String regex) {
    try {
      compile.run();
    } catch (IllegalArgumentException e) {
      String shown = regex.length() > 80 ? regex.substring(0, 80) + "…" : regex;
      problems.add("%s '%s' is no regular expression: %s".formatted(what, shown, e.getMessage()));
    }
  }
}
