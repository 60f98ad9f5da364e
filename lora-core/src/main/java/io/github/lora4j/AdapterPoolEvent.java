package io.github.lora4j;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * Something that happened to an adapter of a pool.
 *
 * @param id what names it in the pool's source
 * @param bytes native memory that it holds; 0 if loading failed
 * @param sha256 of the file of weights, in 64 hexadecimal digits; empty if loading failed
 * @param duration how long loading took; for a hit or an eviction, how long the adapter has been
 *     resident
 * @param cause why loading failed; else empty
 * @since 0.1.0
 */
public record AdapterPoolEvent(
    String id, long bytes, Optional<String> sha256, Duration duration, Optional<Exception> cause) {

  /** Checks that nothing is missing. */
  public AdapterPoolEvent {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(sha256, "sha256");
    Objects.requireNonNull(duration, "duration");
    Objects.requireNonNull(cause, "cause");
  }
}
