package io.github.lora4j;

import java.util.Optional;
import java.util.concurrent.CountDownLatch;

/**
 * The loading of one adapter, which one thread does and any number wait for. Its outcome is an
 * adapter, a failure, or neither: then somebody who waited tries himself.
 */
final class Flight<M> {

  private final String id;
  private final CountDownLatch landed = new CountDownLatch(1);
  private Optional<Resident<M>> resident = Optional.empty();
  private Optional<Exception> failure = Optional.empty();

  /** Threads that wait; guarded by the pool's state. */
  int waiting;

  /** Budget that is reserved for it, bytes; guarded by the pool's state. */
  long reserved;

  /** Whether it was invalidated: those who wait get it, those who come later do not. */
  boolean stale;

  Flight(String id) {
    this.id = id;
  }

  String id() {
    return id;
  }

  void await() throws InterruptedException {
    landed.await();
  }

  boolean isLanded() {
    return landed.getCount() == 0;
  }

  void land(Resident<M> loaded) {
    resident = Optional.of(loaded);
    landed.countDown();
  }

  void fail(Exception cause) {
    failure = Optional.of(cause);
    landed.countDown();
  }

  void abandon() {
    landed.countDown();
  }

  /** To be read after landing. */
  Optional<Resident<M>> resident() {
    return resident;
  }

  /** To be read after landing. */
  Optional<Exception> failure() {
    return failure;
  }
}
