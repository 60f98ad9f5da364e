package io.github.lora4j.djl.generate;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A reader that stops the scheduler's thread at the first piece of its text until it is opened, so
 * that a test can arrange what happens between two tokens.
 */
final class Gate implements Consumer<String> {

  private final CountDownLatch reached = new CountDownLatch(1);
  private final CountDownLatch open = new CountDownLatch(1);
  private final List<String> pieces = new ArrayList<>();

  @Override
  public void accept(String piece) {
    pieces.add(piece);
    reached.countDown();
    await(open);
  }

  /** Waits until the scheduler stands here. */
  void awaitReached() {
    await(reached);
  }

  void open() {
    open.countDown();
  }

  /** What was read; for when the text has ended. */
  List<String> pieces() {
    return pieces;
  }

  private static void await(CountDownLatch latch) {
    try {
      if (!latch.await(60, TimeUnit.SECONDS)) {
        throw new IllegalStateException("nobody came within a minute");
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
