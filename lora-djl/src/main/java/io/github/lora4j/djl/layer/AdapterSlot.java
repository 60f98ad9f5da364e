package io.github.lora4j.djl.layer;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Where a view keeps its adapter, so that another can take its place under live traffic. Every pass
 * by itself and every whole generation takes the current one once and finishes on it; the memory of
 * one that was replaced goes back when its last user ends.
 *
 * <p>Safe from any number of threads. It owns the adapter in it.
 */
public final class AdapterSlot implements AutoCloseable {

  private volatile AdapterWeights current;

  /** Replaced ones that were in use when they were last looked at. */
  private final List<AdapterWeights> leaving = new ArrayList<>();

  /**
   * A slot.
   *
   * @param first the adapter in it
   */
  public AdapterSlot(AdapterWeights first) {
    this.current = first;
  }

  /**
   * The adapter of this moment, to look at; to compute with it, {@linkplain #acquire acquire} it.
   *
   * @return may be replaced or closed at any time
   */
  public AdapterWeights current() {
    return current;
  }

  /**
   * Takes the current adapter for a use: its memory stays until {@link AdapterWeights#release}.
   *
   * @return empty if the view is closed
   */
  public Optional<AdapterWeights> tryAcquire() {
    while (true) {
      AdapterWeights seen = current;
      if (seen.tryAcquire()) {
        return Optional.of(seen);
      }
      if (seen == current) { // else it was replaced in between
        return Optional.empty();
      }
    }
  }

  /**
   * As {@link #tryAcquire}, for those who cannot go on without.
   *
   * @return the current adapter
   * @throws IllegalStateException if the view is closed
   */
  public AdapterWeights acquire() {
    return tryAcquire().orElseThrow(AdapterWeights::closed);
  }

  /**
   * Puts another adapter in, and closes the old one.
   *
   * @param next belongs to the slot from now on, unless this throws
   * @throws IllegalStateException if the slot is closed
   */
  public synchronized void replace(AdapterWeights next) {
    AdapterWeights old = current;
    if (old.isClosed()) {
      throw AdapterWeights.closed();
    }
    current = next;
    old.close();
    leaving.removeIf(weights -> weights.nativeBytes() == 0);
    if (old.nativeBytes() > 0) {
      leaving.add(old);
    }
  }

  /**
   * Native memory of the current adapter and of replaced ones that are still in use.
   *
   * @return bytes
   */
  public synchronized long nativeBytes() {
    leaving.removeIf(weights -> weights.nativeBytes() == 0);
    return current.nativeBytes() + leaving.stream().mapToLong(AdapterWeights::nativeBytes).sum();
  }

  @Override
  public synchronized void close() {
    current.close();
  }
}
