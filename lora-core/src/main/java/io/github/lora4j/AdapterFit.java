package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an adapter's configuration means on a base.
 *
 * @param plan where its tensors stand
 * @param warnings what whoever loads it should know, a sentence each
 */
record AdapterFit(LoraPlan plan, List<String> warnings) {

  private static final Logger log = LoggerFactory.getLogger(AdapterFit.class);

  AdapterFit {
    warnings = List.copyOf(warnings);
  }

  static AdapterFit of(LoraConfig config, ModuleTree tree) {
    checkTask(config, tree);
    LoraPlan plan = LoraPlan.lenient(tree, config);
    return new AdapterFit(plan, warnings(plan, config, tree));
  }

  void warn() {
    warnings.forEach(log::warn);
  }

  /** PEFT trains the head of a classifier whole; a model without that head cannot use it. */
  private static void checkTask(LoraConfig config, ModuleTree tree) {
    List<String> unmatched = new SavedModules(config, tree).unmatched();
    boolean none = unmatched.size() == config.modulesToSave().size() && !unmatched.isEmpty();
    if (none && config.taskType().map(task -> !task.heads().isEmpty()).orElse(false)) {
      throw new LoraException(
          "it is made for %s and brings a head of its own in %s, which %s has not; train an adapter with task type CAUSAL_LM"
              .formatted(config.taskType().orElseThrow(), unmatched, tree.modelClass()));
    }
  }

  private static List<String> warnings(LoraPlan plan, LoraConfig config, ModuleTree tree) {
    List<String> warnings = new ArrayList<>();
    TargetMatcher matcher = new TargetMatcher(config, tree.modelType());
    List<String> unmatched = new UnusedSettings(config, matcher, tree).missing();
    if (!unmatched.isEmpty()) {
      warnings.add(
          "targets %s of the adapter match nothing in %s".formatted(unmatched, tree.modelClass()));
    }
    List<String> unsaved = new SavedModules(config, tree).unmatched();
    if (!unsaved.isEmpty()) {
      warnings.add("modules to save %s match nothing in %s".formatted(unsaved, tree.modelClass()));
    }
    if (plan.overlap(config.rankPattern()) || plan.overlap(config.alphaPattern())) {
      warnings.add(
          "two patterns hit one module; the file's order decides, which PEFT does not keep");
    }
    return warnings;
  }
}
