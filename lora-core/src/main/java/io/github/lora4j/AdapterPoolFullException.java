package io.github.lora4j;

/**
 * An adapter fits the budget of a pool, but not beside those that are in use, pinned or being
 * loaded at this moment. It can be loaded when leases have been closed: a server would answer "try
 * again later".
 *
 * @since 0.1.0
 */
public final class AdapterPoolFullException extends IllegalStateException {

  private static final long serialVersionUID = 1L;

  /** What names the adapter. */
  private final String id;

  AdapterPoolFullException(String id, String message) {
    super(message);
    this.id = id;
  }

  /**
   * What names the adapter in the pool's source.
   *
   * @return the id that was asked for
   */
  public String id() {
    return id;
  }
}
