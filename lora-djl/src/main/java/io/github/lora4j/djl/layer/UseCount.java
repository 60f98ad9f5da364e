package io.github.lora4j.djl.layer;

/** Counts the uses of something that is freed by the end of the last one after it was closed. */
final class UseCount {

  private final Runnable free;
  private int users;
  private boolean closed;

  /** Of something that is freed so, once. */
  UseCount(Runnable free) {
    this.free = free;
  }

  /** Begins a use, unless it is closed. */
  synchronized boolean tryBegin() {
    if (!closed) {
      users++;
    }
    return !closed;
  }

  /** Begins a use within another one, which closing in between does not cut off. */
  synchronized boolean tryBeginWithin() {
    boolean there = !closed || users > 0;
    if (there) {
      users++;
    }
    return there;
  }

  synchronized void end() {
    users--;
    freeIfOver();
  }

  /** No use begins any more. */
  synchronized void close() {
    if (!closed) {
      closed = true;
      freeIfOver();
    }
  }

  private void freeIfOver() {
    if (areOver()) {
      free.run();
    }
  }

  synchronized boolean areClosed() {
    return closed;
  }

  /** Whether it was freed. */
  synchronized boolean areOver() {
    return closed && users == 0;
  }
}
