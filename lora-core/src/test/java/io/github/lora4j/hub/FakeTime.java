package io.github.lora4j.hub;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** A client's time that passes only when the client waits, or when a test says so. */
public final class FakeTime implements HubTime {

  private final List<Duration> pauses = new ArrayList<>();
  private Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private Duration perLook = Duration.ZERO;

  /** Makes the options' client wait by this time. */
  public HubOptions.Builder in(HubOptions.Builder options) {
    return options.time(this);
  }

  /** Lets so much time pass whenever somebody looks. */
  public synchronized void passing(Duration duration) {
    perLook = duration;
  }

  /** How long the client waited, each time. */
  public synchronized List<Duration> pauses() {
    return new ArrayList<>(pauses);
  }

  @Override
  public synchronized Instant now() {
    return now;
  }

  @Override
  public synchronized long nanos() {
    now = now.plus(perLook);
    return Duration.between(Instant.EPOCH, now).toNanos();
  }

  @Override
  public synchronized void pause(Duration duration) {
    pauses.add(duration);
    now = now.plus(duration);
  }
}
