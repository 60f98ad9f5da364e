package io.github.lora4j;

import io.github.lora4j.spi.LoraBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;

/** Finds the engine of a model. */
final class Backends {

  private Backends() {}

  static LoraBackend of(Object model) {
    List<String> found = new ArrayList<>();
    for (LoraBackend backend : ServiceLoader.load(LoraBackend.class)) {
      if (backend.supports(model)) {
        return backend;
      }
      found.add(backend.getClass().getName());
    }
    throw new LoraException(
        "no engine on the class path adapts a %s; found engines: %s. Add the artifact lora-djl for models of Deep Java Library"
            .formatted(model.getClass().getName(), found));
  }
}
