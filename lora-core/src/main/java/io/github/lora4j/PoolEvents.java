package io.github.lora4j;

import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells listeners, whatever they do. */
final class PoolEvents {

  private static final Logger log = LoggerFactory.getLogger(AdapterPool.class);

  private final List<AdapterPoolListener> listeners;

  PoolEvents(List<AdapterPoolListener> listeners) {
    this.listeners = List.copyOf(listeners);
  }

  void send(
      BiConsumer<AdapterPoolListener, AdapterPoolEvent> verb, Supplier<AdapterPoolEvent> event) {
    if (listeners.isEmpty()) {
      return;
    }
    AdapterPoolEvent made = event.get();
    for (AdapterPoolListener listener : listeners) {
      try {
        verb.accept(listener, made);
      } catch (RuntimeException e) { // of a metric: it must not take a lease from a request
        log.warn("listener {} failed on adapter {}", listener, made.id(), e);
      }
    }
  }
}
