package io.github.lora4j.hub;

import java.io.IOException;
import java.time.Duration;

/** Notices a host that does send, but as good as nothing: it could keep a client for ever. */
final class Pace {

  /** A host that sends less for so long is as good as silent. */
  static final Duration WINDOW = Duration.ofSeconds(30);

  /** Bytes per second. */
  static final long RATE = 1000;

  /** The other side sends, but as good as nothing. */
  static final class TooSlow extends IOException {
    private static final long serialVersionUID = 1L;

    TooSlow() {
      super("less than %d bytes per second".formatted(RATE));
    }
  }

  private final HubTime time;
  private long start;
  private long bytes;

  Pace(HubTime time) {
    this.time = time;
    this.start = time.nanos();
  }

  /**
   * Bytes came.
   *
   * @throws TooSlow if too few did for too long
   */
  void came(long count) throws TooSlow {
    bytes += count;
    long elapsed = time.nanos() - start;
    if (elapsed >= WINDOW.toNanos()) {
      if (bytes < RATE * WINDOW.toSeconds()) {
        throw new TooSlow();
      }
      start += elapsed;
      bytes = 0;
    }
  }
}
