package io.github.lora4j;

/**
 * Is told what a pool does, for metrics and audit. Called on the thread that caused the event,
 * while the pool goes on serving others; what it throws is logged and changes nothing.
 *
 * @since 0.1.0
 */
public interface AdapterPoolListener {

  /**
   * An adapter came into memory.
   *
   * @param event its bytes, hash, and how long loading took
   */
  default void onLoaded(AdapterPoolEvent event) {}

  /**
   * A request found its adapter resident.
   *
   * @param event its bytes, hash, and how long it has been resident
   */
  default void onHit(AdapterPoolEvent event) {}

  /**
   * An adapter left: to make room, because it was invalidated, or with the pool. Its memory goes
   * back now or, if it is in use, with its last lease.
   *
   * @param event its bytes, hash, and how long it was resident
   */
  default void onEvicted(AdapterPoolEvent event) {}

  /**
   * Loading an adapter failed.
   *
   * @param event its cause, and how long it took
   */
  default void onFailed(AdapterPoolEvent event) {}
}
