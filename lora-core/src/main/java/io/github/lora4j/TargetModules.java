package io.github.lora4j;

import java.util.List;
import java.util.Objects;
import java.util.TreeSet;

/**
 * Which modules get a low-rank pair.
 *
 * @since 0.1.0
 */
public sealed interface TargetModules {

  /**
   * Modules whose path is one of the names or ends with a dot and one of them.
   *
   * @param names e.g. {@code query_key_value}; sorted, so that files are byte-stable
   */
  record Names(List<String> names) implements TargetModules {
    /** Sorts the names and drops repeated ones. */
    public Names {
      names = List.copyOf(new TreeSet<>(names));
    }
  }

  /**
   * Modules whose whole path matches a regular expression, in Python's syntax.
   *
   * @param regex e.g. {@code .*\.(q_proj|v_proj)}
   */
  record Matching(String regex) implements TargetModules {
    /** Checks that there is one. */
    public Matching {
      Objects.requireNonNull(regex, "regex");
    }
  }

  /** Every linear map except the one onto the output vocabulary. */
  record AllLinear() implements TargetModules {}

  /**
   * The customary targets of a model family.
   *
   * @param modelType e.g. {@code bloom}
   */
  record DefaultsFor(String modelType) implements TargetModules {
    /**
     * Checks that the family has targets.
     *
     * @throws IllegalArgumentException if it has none
     */
    public DefaultsFor {
      Objects.requireNonNull(modelType, "modelType");
      resolve(modelType);
    }

    /** The targets that the name stands for. */
    TargetModules resolved() {
      return resolve(modelType);
    }

    private static TargetModules resolve(String modelType) {
      return DefaultTargets.find(modelType)
          .orElseThrow(() -> new IllegalArgumentException(DefaultTargets.unknown(modelType)));
    }
  }

  /** The customary targets of whatever model is wrapped: PEFT's {@code null}. */
  record DefaultsOfModel() implements TargetModules {}

  /**
   * Modules by name.
   *
   * @param names names or ends of paths
   * @return the targets
   */
  static TargetModules of(String... names) {
    return new Names(List.of(names));
  }

  /**
   * Modules by regular expression.
   *
   * @param regex matched against the whole path
   * @return the targets
   */
  static TargetModules matching(String regex) {
    return new Matching(regex);
  }

  /**
   * All linear maps but the output head.
   *
   * @return the targets
   */
  static TargetModules allLinear() {
    return new AllLinear();
  }

  /**
   * The customary targets of a family.
   *
   * @param modelType e.g. {@code bloom}
   * @return the targets
   * @throws IllegalArgumentException if the family has none
   */
  static TargetModules defaultsFor(String modelType) {
    return new DefaultsFor(modelType);
  }
}
