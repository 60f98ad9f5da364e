package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Says what a model has to adapt, when what was asked for is not there. */
final class TargetReport {

  /** Containers whose class says nothing about the model. */
  private static final Set<String> NAMELESS = Set.of("ModuleList", "ModuleDict", "Sequential");

  private TargetReport() {}

  static String nothingMatches(List<String> wanted, ModuleTree tree) {
    Map<String, Integer> available = available(tree);
    List<String> entries = new ArrayList<>();
    available.forEach((name, count) -> entries.add(name + " x" + count));
    List<String> suggestions = new ArrayList<>();
    for (String name : wanted) {
      nearest(name, available).ifPresent(near -> suggestions.add("'" + near + "'"));
    }
    return "target modules %s match nothing in %s; it has: %s%s"
        .formatted(
            wanted,
            bodyClass(tree),
            String.join(", ", entries),
            suggestions.isEmpty() ? "" : "; did you mean " + String.join(", ", suggestions) + "?");
  }

  /** The class that holds the layers: the first container below the root, or the root itself. */
  private static String bodyClass(ModuleTree tree) {
    return tree.modules().stream()
        .skip(1)
        .filter(module -> module.kind() == Kind.OTHER && module.path().indexOf('.') < 0)
        .filter(module -> !NAMELESS.contains(module.type()))
        .filter(module -> tree.modules().stream().anyMatch(m -> isBelow(m, module)))
        .map(TargetModule::type)
        .findFirst()
        .orElse(tree.modelClass());
  }

  private static boolean isBelow(TargetModule module, TargetModule parent) {
    return module.path().startsWith(parent.path() + ".");
  }

  private static Map<String, Integer> available(ModuleTree tree) {
    Map<String, Integer> counts = new LinkedHashMap<>();
    tree.modules().stream()
        .filter(module -> module.kind() == Kind.LINEAR)
        .forEach(module -> counts.merge(module.name(), 1, Integer::sum));
    return counts;
  }

  private static Optional<String> nearest(String wanted, Map<String, Integer> available) {
    String name = wanted.substring(wanted.lastIndexOf('.') + 1);
    return available.keySet().stream()
        .filter(candidate -> distance(name, candidate) <= Math.max(1, candidate.length() / 3))
        .min(Comparator.comparingInt(candidate -> distance(name, candidate)));
  }

  /** Levenshtein's edit distance. */
  private static int distance(String from, String to) {
    int[] row = new int[to.length() + 1];
    for (int j = 0; j <= to.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= to.length(); j++) {
        int above = row[j];
        int replaced = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, Math.min(row[j - 1], above) + 1);
        diagonal = above;
      }
    }
    return row[to.length()];
  }
}
