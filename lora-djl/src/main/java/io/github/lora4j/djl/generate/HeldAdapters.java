package io.github.lora4j.djl.generate;

import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.layer.AdapterSlot;
import io.github.lora4j.djl.layer.AdapterWeights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Takes the adapter of every view once, and keeps it in memory while texts are generated, even if
 * the view is closed or replaced meanwhile.
 */
final class HeldAdapters implements AutoCloseable {

  private final Map<CausalLm, AdapterWeights> held = new HashMap<>();

  /**
   * Holds the adapters of some models.
   *
   * @param models one for each request
   * @throws IllegalStateException naming every request whose adapter is closed
   */
  HeldAdapters(List<CausalLm> models) {
    List<String> problems = new ArrayList<>();
    for (int i = 0; i < models.size(); i++) {
      CausalLm model = models.get(i);
      Optional<AdapterSlot> slot = model.adapterSlot();
      if (slot.isEmpty() || held.containsKey(model)) {
        continue;
      }
      Optional<AdapterWeights> adapter = slot.get().tryAcquire();
      if (adapter.isPresent()) {
        held.put(model, adapter.get());
      } else {
        problems.add("request %d: its adapter is closed; load it again".formatted(i));
      }
    }
    if (!problems.isEmpty()) {
      close();
      throw new IllegalStateException(String.join("; ", problems));
    }
  }

  /** What was taken for a model; empty for a bare base. */
  Optional<AdapterWeights> of(CausalLm model) {
    return Optional.ofNullable(held.get(model));
  }

  @Override
  public void close() {
    held.values().forEach(AdapterWeights::release);
    held.clear();
  }
}
