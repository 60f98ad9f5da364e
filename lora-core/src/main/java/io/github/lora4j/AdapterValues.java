package io.github.lora4j;

import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TensorData;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * An adapter on the heap: what adapters are computed from.
 *
 * @param plan where its tensors stand
 * @param tensors fp32, by name in memory
 */
record AdapterValues(LoraPlan plan, Map<String, TensorData> tensors) {

  AdapterValues {
    tensors = new LinkedHashMap<>(tensors);
  }

  /**
   * An adapter of which pairs and biases are all that there is.
   *
   * @throws LoraException naming what else it has
   */
  static AdapterValues ofPairs(LoraPlan plan, Map<String, TensorData> tensors, String doing) {
    Set<String> others = new HashSet<>(tensors.keySet());
    plan.pairs().forEach(pair -> others.remove(nameOfA(pair)));
    plan.pairs().forEach(pair -> others.remove(nameOfB(pair)));
    plan.biases().stream().map(ParameterInfo::name).forEach(others::remove);
    if (!others.isEmpty()) {
      throw new LoraException(
          "%s is for low-rank pairs and biases, but the adapter also has '%s'"
              .formatted(doing, String.join("', '", others.stream().sorted().limit(3).toList())));
    }
    return new AdapterValues(plan, tensors);
  }

  /** A of a pair, (r, in), row by row. */
  float[] a(LoraLinear pair) {
    return tensor(nameOfA(pair)).values();
  }

  /** B of a pair, (out, r), row by row. */
  float[] b(LoraLinear pair) {
    return tensor(nameOfB(pair)).values();
  }

  TensorData tensor(String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }

  static String nameOfA(LoraLinear pair) {
    return pair.path() + ".lora_A";
  }

  static String nameOfB(LoraLinear pair) {
    return pair.path() + ".lora_B";
  }
}
