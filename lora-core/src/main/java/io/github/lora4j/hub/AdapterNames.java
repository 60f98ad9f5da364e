package io.github.lora4j.hub;

import io.github.lora4j.hub.HubException.Kind;
import java.util.Collection;
import java.util.List;

/** Which files of a repository an adapter is made of. */
final class AdapterNames {

  static final String CONFIG = "adapter_config.json";
  static final String WEIGHTS = "adapter_model.safetensors";

  /** What PEFT wrote before; the reader of these runs nothing of them. */
  static final String LEGACY = "adapter_model.bin";

  private AdapterNames() {}

  /** The configuration and the weights, of two files of these the one of safetensors. */
  static List<String> choose(Collection<String> names, String prefix, HubSubject subject)
      throws HubException {
    if (!names.contains(prefix + CONFIG)) {
      throw new HubException(
          Kind.FILE_NOT_FOUND,
          "%s has no file '%s'; is it an adapter, or one in a subfolder?"
              .formatted(subject, prefix + CONFIG));
    }
    for (String weights : List.of(WEIGHTS, LEGACY)) {
      if (names.contains(prefix + weights)) {
        return List.of(prefix + CONFIG, prefix + weights);
      }
    }
    throw new HubException(
        Kind.FILE_NOT_FOUND,
        "%s has neither '%s' nor '%s'".formatted(subject, prefix + WEIGHTS, prefix + LEGACY));
  }
}
