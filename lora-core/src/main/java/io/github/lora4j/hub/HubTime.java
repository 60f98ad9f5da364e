package io.github.lora4j.hub;

import java.time.Duration;
import java.time.Instant;

/** Time as the client sees it, so that tests never wait. */
interface HubTime {

  /** The machine's. */
  HubTime SYSTEM =
      new HubTime() {
        @Override
        public Instant now() {
          return Instant.now();
        }

        @Override
        public long nanos() {
          return System.nanoTime();
        }

        @Override
        public void pause(Duration duration) throws InterruptedException {
          Thread.sleep(duration.toMillis());
        }
      };

  /** The date, to read Retry-After against. */
  Instant now();

  /** Nanoseconds since some moment, for rates. */
  long nanos();

  /** Waits before a repetition. */
  void pause(Duration duration) throws InterruptedException;
}
