package io.github.lora4j;

import io.github.lora4j.spi.LoraBackend;
import java.lang.ref.SoftReference;
import java.util.List;
import java.util.ServiceLoader;

/** Finds the engine of a model. */
final class Backends {

  /**
   * Engines of the class path, looked up once for each class loader of the context: a look-up opens
   * archives, and every adapter that is loaded asks several times.
   */
  private record Found(ClassLoader loader, List<LoraBackend> backends) {}

  /** Soft, so that it keeps no application in memory that was undeployed. */
  private static volatile SoftReference<Found> last = new SoftReference<>(null);

  private Backends() {}

  static LoraBackend of(Object model) {
    List<LoraBackend> backends = found();
    for (LoraBackend backend : backends) {
      if (backend.supports(model)) {
        return backend;
      }
    }
    throw new LoraException(
        "no engine on the class path adapts a %s; found engines: %s. Add the artifact lora-djl for models of Deep Java Library"
            .formatted(
                model.getClass().getName(),
                backends.stream().map(backend -> backend.getClass().getName()).toList()));
  }

  private static List<LoraBackend> found() {
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    Found seen = last.get();
    if (seen != null && seen.loader() == loader) {
      return seen.backends();
    }
    List<LoraBackend> backends =
        ServiceLoader.load(LoraBackend.class, loader).stream()
            .map(ServiceLoader.Provider::get)
            .toList();
    last = new SoftReference<>(new Found(loader, backends));
    return backends;
  }
}
