package io.github.lora4j;

import io.github.lora4j.spi.AdapterLayout;
import java.util.Set;
import java.util.stream.Collectors;

/** PEFT's names for tensors in adapter files. */
final class AdapterKeys {

  static final String PREFIX = "base_model.model.";

  private final Set<String> adapted;

  AdapterKeys(Iterable<LoraLinear> pairs) {
    this.adapted =
        java.util.stream.StreamSupport.stream(pairs.spliterator(), false)
            .map(LoraLinear::path)
            .collect(Collectors.toSet());
  }

  /**
   * {@code PATH.lora_A} to {@code base_model.model.PATH.lora_A.weight}, biases likewise; magnitudes
   * have no {@code .weight}.
   */
  String inFile(String name) {
    if (name.endsWith(".lora_A") || name.endsWith(".lora_B")) {
      return PREFIX + name + ".weight";
    }
    if (name.endsWith(DoraLinear.SUFFIX)) {
      return PREFIX + name;
    }
    String module = name.substring(0, name.length() - ".bias".length());
    return PREFIX + (adapted.contains(module) ? module + ".base_layer.bias" : name);
  }

  static AdapterLayout.Pair pair(LoraLinear linear) {
    return new AdapterLayout.Pair(
        linear.path(),
        linear.inFeatures(),
        linear.outFeatures(),
        linear.rank(),
        linear.scaling(),
        linear.dropout());
  }
}
