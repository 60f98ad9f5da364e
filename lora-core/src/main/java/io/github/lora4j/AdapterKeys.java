package io.github.lora4j;

import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import java.util.Set;
import java.util.stream.Collectors;

/** PEFT's names for tensors in adapter files. */
final class AdapterKeys {

  static final String PREFIX = "base_model.model.";

  private static final String A = ".lora_A";
  private static final String B = ".lora_B";
  private static final String COPY = ".modules_to_save.";
  private static final String ORIGINAL = ".original_module.";

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
   * {@code base_layer}; magnitudes have no {@code .weight}.
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
    if (name.endsWith(DoraLinear.SUFFIX)) {
      return PREFIX + name;
    }
    return PREFIX + (adapted.contains(module) ? module + ".base_layer" + own : name);
  }

  /**
   * Whether a tensor of a file is a copied parameter once more, or the base's own: PEFT writes both
   * when it saves biases or whole embeddings, under the wrapper of the module that is copied.
   */
  boolean repeats(String key) {
    String name = key.startsWith(PREFIX) ? key.substring(PREFIX.length()) : key;
    return repeats(name, ORIGINAL, false)
        || repeats(name, COPY, false)
        || repeats(name, COPY, true);
  }

  /** The adapter's name stays where a module that stands in the copied one follows. */
  private boolean repeats(String name, String wrapper, boolean named) {
    int at = name.indexOf(wrapper);
    if (at < 0) {
      return false;
    }
    String below = name.substring(at + wrapper.length());
    String rest = named ? below.substring(below.indexOf('.') + 1) : below;
    return copies.contains(name.substring(0, at) + "." + rest);
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
