package io.github.lora4j.djl.block;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import io.github.lora4j.LoraException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The weights that a base sees with an adapter beside it, for another block to keep. */
record MergedBlock(BlockTree base, ParameterStore adapted) {

  private static final int LISTED = 5;

  /** Overwrites all parameters of a block, after all have been computed and checked. */
  void writeTo(Block block) {
    Map<String, Parameter> targets = BlockTree.of(block).all();
    requireOwn(targets);
    requireAlike(targets);
    Map<String, NDArray> merged = new LinkedHashMap<>();
    List<String> broken = new ArrayList<>();
    base.all()
        .forEach(
            (name, parameter) -> {
              NDArray array = value(parameter);
              if (!isFinite(array)) {
                broken.add(name);
              }
              merged.put(name, array);
            });
    if (!broken.isEmpty()) {
      throw new LoraException(
          "NaN or infinity in the merged weights of %s; the adapter seems to be broken, or its numbers exceed the range of the type of the weights"
              .formatted(first(broken)));
    }
    targets.forEach(
        (name, target) -> Objects.requireNonNull(merged.get(name)).copyTo(target.getArray()));
  }

  private NDArray value(Parameter parameter) {
    return Objects.requireNonNull(
        adapted.getValue(parameter, parameter.getArray().getDevice(), false));
  }

  private static boolean isFinite(NDArray array) {
    try (NDArray distance = array.sub(array); // 0, or NaN
        NDArray zeros = distance.eq(0);
        NDArray all = zeros.all()) {
      return all.getBoolean();
    }
  }

  private void requireOwn(Map<String, Parameter> targets) {
    List<String> shared =
        base.all().entrySet().stream()
            .filter(entry -> targets.containsValue(entry.getValue()))
            .map(Map.Entry::getKey)
            .toList();
    if (!shared.isEmpty()) {
      throw new IllegalArgumentException(
          "the block to merge into is the base, or shares %s with it, and the base stays as it is; build another of its architecture"
              .formatted(first(shared)));
    }
  }

  private void requireAlike(Map<String, Parameter> targets) {
    List<String> problems = new ArrayList<>();
    base.all()
        .forEach(
            (name, parameter) -> {
              String wanted = describe(parameter);
              Parameter target = targets.get(name);
              String found = target == null ? "missing" : describe(target);
              if (!found.equals(wanted)) {
                problems.add("%s: base %s, target %s".formatted(name, wanted, found));
              }
            });
    targets.keySet().stream()
        .filter(name -> !base.all().containsKey(name))
        .forEach(name -> problems.add(name + ": not a parameter of the base"));
    if (!problems.isEmpty()) {
      throw new LoraException(
          "the block to merge into is not built as the base (%d parameters differ): %s"
              .formatted(problems.size(), first(problems)));
    }
  }

  private static String describe(Parameter parameter) {
    NDArray array = parameter.getArray();
    return array.getDataType() + " " + array.getShape();
  }

  private static String first(List<String> all) {
    return all.size() <= LISTED
        ? all.toString()
        : "%s and %d more".formatted(all.subList(0, LISTED), all.size() - LISTED);
  }
}
