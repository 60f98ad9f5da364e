package io.github.lora4j;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The keys of rank and alpha patterns, each PEFT's {@code (.*\.)?(KEY)$}. A file may have very many
 * on a model of very many modules: keys that are plain paths, as tools write them, are compared
 * without an expression, and the expressions share a number of steps.
 */
final class ModulePatterns {

  /** Seconds of matching; thousands of expressions on thousands of modules need fewer. */
  private static final long MAX_STEPS = 300_000_000;

  private static final Pattern PLAIN = Pattern.compile("[\\w.-]+");

  private final Map<String, PythonRegex> expressions = new LinkedHashMap<>();
  private long steps;

  /** Makes keys known; those of two maps may be the same. */
  void add(Iterable<String> keys) {
    for (String key : keys) {
      if (!PLAIN.matcher(key).matches()) {
        expressions.computeIfAbsent(key, PythonRegex::ofEnd);
      }
    }
  }

  /** Whether a known key means a module. */
  boolean hits(String key, String path) {
    PythonRegex expression = expressions.get(key);
    if (expression == null) {
      return isPathOrItsEnd(key, path);
    }
    int[] taken = new int[1];
    boolean hit = expression.matches(path, taken);
    steps += taken[0];
    if (steps > MAX_STEPS) {
      throw new LoraException(
          "the %,d expressions of rank and alpha patterns take more than %,d steps on this model; write the paths of modules"
              .formatted(expressions.size(), MAX_STEPS));
    }
    return hit;
  }

  /** A dot of the key stands for any character, as in the expression that it is. */
  private static boolean isPathOrItsEnd(String key, String path) {
    int start = path.length() - key.length();
    if (start < 0 || (start > 0 && path.charAt(start - 1) != '.')) {
      return false;
    }
    for (int i = key.length() - 1; i >= 0; i--) { // paths differ at their ends
      if (key.charAt(i) != '.' && key.charAt(i) != path.charAt(start + i)) {
        return false;
      }
    }
    return true;
  }
}
