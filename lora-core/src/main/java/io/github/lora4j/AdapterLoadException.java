package io.github.lora4j;

import java.io.IOException;

/**
 * A pool could not load an adapter. Everybody who waited for it gets one of his own; the cause is
 * what the source or the reader threw, the same for all.
 *
 * @since 0.1.0
 */
public final class AdapterLoadException extends IOException {

  private static final long serialVersionUID = 1L;

  /** What names the adapter. */
  private final String id;

  AdapterLoadException(String id, String message, Exception cause) {
    super(message, cause);
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
