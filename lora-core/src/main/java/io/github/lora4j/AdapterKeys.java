package io.github.lora4j;

import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** PEFT's names for tensors in adapter files. */
final class AdapterKeys {

  static final String PREFIX = "base_model.model.";

  private static final String A = ".lora_A";
  private static final String B = ".lora_B";

  private final Set<String> adapted;
  private final Set<String> embeddings;
  private final Set<String> copies;

  AdapterKeys(LoraPlan plan) {
    this.adapted = plan.pairs().stream().map(LoraLinear::path).collect(Collectors.toSet());
    this.embeddings =
        plan.tree().modules().stream()
            .filter(module -> module.kind() == Kind.EMBEDDING)
            .map(TargetModule::path)
            .collect(Collectors.toSet());
    this.copies = plan.copies().stream().map(ParameterInfo::name).collect(Collectors.toSet());
  }

  /**
   * {@code PATH.lora_A} to {@code base_model.model.PATH.lora_A.weight}, beside an embedding to
   * {@code base_model.model.PATH.lora_embedding_A}; parameters of an adapted module stand in its
   * {@code base_layer}.
   */
  String inFile(String name) {
    int dot = name.lastIndexOf('.');
    String module = name.substring(0, dot);
    String own = name.substring(dot);
    if (own.equals(A) || own.equals(B)) {
      return embeddings.contains(module)
          ? PREFIX + module + own.replace("lora_", "lora_embedding_")
          : PREFIX + name + ".weight";
    }
    return PREFIX + (adapted.contains(module) ? module + ".base_layer" + own : name);
  }

  /**
   * Where PEFT writes a copy of a module's parameter a second time, and the base's own, when it
   * saves an embedding whole or a bias: they say nothing new.
   */
  List<String> repeated(String name) {
    if (!copies.contains(name)) {
      return List.of();
    }
    int dot = name.lastIndexOf('.');
    String start = PREFIX + name.substring(0, dot);
    String own = name.substring(dot);
    return List.of(start + ".modules_to_save" + own, start + ".original_module" + own);
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
