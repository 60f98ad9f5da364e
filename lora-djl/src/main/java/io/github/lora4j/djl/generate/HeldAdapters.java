package io.github.lora4j.djl.generate;

import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.layer.AdapterWeights;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Keeps adapters in memory while texts are generated, even if their views are closed meanwhile. */
final class HeldAdapters implements AutoCloseable {

  private final Set<AdapterWeights> held = new LinkedHashSet<>();

  /**
   * Holds the adapters of some models.
   *
   * @param models one for each request
   * @throws IllegalStateException naming every request whose adapter is closed
   */
  HeldAdapters(List<CausalLm> models) {
    List<String> problems = new ArrayList<>();
    for (int i = 0; i < models.size(); i++) {
      Optional<AdapterWeights> adapter = models.get(i).adapter();
      if (adapter.isEmpty() || held.contains(adapter.get())) {
        continue;
      }
      if (adapter.get().tryAcquire()) {
        held.add(adapter.get());
      } else {
        problems.add("request %d: its adapter is closed; load it again".formatted(i));
      }
    }
    if (!problems.isEmpty()) {
      close();
      throw new IllegalStateException(String.join("; ", problems));
    }
  }

  @Override
  public void close() {
    held.forEach(AdapterWeights::release);
    held.clear();
  }
}
