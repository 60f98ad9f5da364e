package io.github.lora4j.djl.generate;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;

/**
 * A request in the hands of a scheduler.
 *
 * <p>Safe from any number of threads.
 *
 * @since 0.1.0
 */
public final class ScheduledGeneration {

  private final CompletableFuture<String> text = new CompletableFuture<>();
  private final HeldRows held;
  private final GenerationOptions options;
  private final Duration deadline;
  private final long submitted; // nanoseconds of the scheduler's clock

  ScheduledGeneration(HeldRows held, GenerationOptions options, Duration deadline, long submitted) {
    this.held = held;
    this.options = options;
    this.deadline = deadline;
    this.submitted = submitted;
  }

  /**
   * The new text, when it has ended. It ends with a {@link TimeoutException} if the deadline
   * passes, with a {@link java.util.concurrent.CancellationException} if it is cancelled, and with
   * what the model or the reader of the text threw.
   *
   * <p>Completing it from outside in whatever way, e.g. by {@code orTimeout}, gives the request up
   * as {@link #cancel} does. What is chained to it without an executor runs on the scheduler's
   * thread while all texts wait: let that be short.
   *
   * @return always the same future
   */
  public CompletableFuture<String> text() {
    return text;
  }

  /**
   * Gives the request up. One that waits leaves the queue at once; one that runs ends before its
   * next token. Its memory and its hold on the adapter go back then.
   *
   * @return false if it had ended already
   */
  public boolean cancel() {
    return text.cancel(false);
  }

  /** Runs something when the text has ended in whatever way, at once if it has. */
  @SuppressWarnings("FutureReturnValueIgnored") // what is run throws nothing
  void whenEnded(Runnable action) {
    text.whenComplete((ended, cause) -> action.run());
  }

  Row row() {
    return held.rows().get(0);
  }

  boolean isPast(long now) {
    long limit;
    try {
      limit = deadline.toNanos();
    } catch (ArithmeticException e) { // 292 years
      return false;
    }
    return now - submitted >= limit;
  }

  TimeoutException expiry() {
    return new TimeoutException(
        "the deadline of %s passed after %d of at most %d tokens; allow more time or fewer tokens"
            .formatted(deadline, row().added(), options.maxNewTokens()));
  }

  void release() {
    held.close();
  }
}
