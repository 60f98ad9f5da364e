package io.github.lora4j.djl.layer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The adapters of some rows, taken once for each view and kept in memory until this is closed, even
 * if a view is closed or replaced meanwhile.
 */
public final class HeldAdapters implements AutoCloseable {

  private final Map<AdapterSlot, AdapterWeights> held = new HashMap<>();
  private final List<Optional<AdapterWeights>> adapters = new ArrayList<>();

  /**
   * Holds the adapters of some rows.
   *
   * @param slots where the views of the rows keep their adapter; empty for a row of the bare base
   * @param what a row is called in messages, e.g. {@code request}
   * @throws IllegalStateException naming every row whose adapter is closed; nothing is held then
   */
  public HeldAdapters(List<Optional<AdapterSlot>> slots, String what) {
    List<String> problems = new ArrayList<>();
    for (int row = 0; row < slots.size(); row++) {
      Optional<AdapterWeights> adapter = slots.get(row).flatMap(this::take);
      adapters.add(adapter);
      if (slots.get(row).isPresent() && adapter.isEmpty()) {
        problems.add("%s %d: its adapter is closed; load it again".formatted(what, row));
      }
    }
    if (!problems.isEmpty()) {
      close();
      throw new IllegalStateException(String.join("; ", problems));
    }
  }

  private Optional<AdapterWeights> take(AdapterSlot slot) {
    Optional<AdapterWeights> adapter =
        Optional.ofNullable(held.get(slot)).or(() -> slot.tryAcquire());
    adapter.ifPresent(weights -> held.put(slot, weights));
    return adapter;
  }

  /**
   * What was taken for a row.
   *
   * @param row its index
   * @return empty for the bare base
   */
  public Optional<AdapterWeights> of(int row) {
    return adapters.get(row);
  }

  /** Lets all go. */
  @Override
  public void close() {
    held.values().forEach(AdapterWeights::release);
    held.clear();
  }
}
