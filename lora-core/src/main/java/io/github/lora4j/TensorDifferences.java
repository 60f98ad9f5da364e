package io.github.lora4j;

import io.github.lora4j.spi.TensorData;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Says in what tensors are not those of a plan. */
final class TensorDifferences {

  private TensorDifferences() {}

  /**
   * Compares names and shapes. Matrices of the vocabulary may stand beside what the plan wants.
   *
   * @param left what to call the tensors
   * @param right what to call what the plan wants
   */
  static List<String> of(
      LoraPlan plan, Map<String, TensorData> tensors, String left, String right) {
    Map<String, List<Long>> shapes = plan.shapes();
    List<String> differences = new ArrayList<>();
    shapes.forEach(
        (name, shape) -> {
          TensorData other = tensors.get(name);
          if (other == null || !other.shape().equals(shape)) {
            String found = other == null ? "missing" : other.shape().toString();
            differences.add("%s: %s %s, %s %s".formatted(name, left, found, right, shape));
          }
        });
    Map<String, List<Long>> vocabulary = new Vocabulary(plan.tree()).shapes();
    tensors.forEach(
        (name, tensor) -> {
          if (!shapes.containsKey(name) && !tensor.shape().equals(vocabulary.get(name))) {
            differences.add(name + ": not in this " + right);
          }
        });
    return differences;
  }

  /** The first NaN or infinity of each tensor that has one. */
  static List<String> notFinite(Map<String, TensorData> tensors) {
    List<String> found = new ArrayList<>();
    tensors.forEach(
        (name, tensor) ->
            tensor
                .firstNotFinite()
                .ifPresent(
                    at ->
                        found.add(
                            "%s: element %d is %s".formatted(name, at, tensor.values()[at]))));
    return found;
  }
}
