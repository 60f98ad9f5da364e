package io.github.lora4j.djl.generate;

import java.util.concurrent.RejectedExecutionException;

/**
 * Says that a scheduler takes no further request at this moment, because as many wait as may.
 * Nothing of the request is kept: it can be tried again later, or answered elsewhere.
 *
 * @since 0.1.0
 */
public final class GenerationRejectedException extends RejectedExecutionException {

  private static final long serialVersionUID = 1L;

  private final int waiting;
  private final int running;

  GenerationRejectedException(int waiting, int running) {
    super(
        "the queue is full: %d requests wait, %d run; try again later or allow more to wait"
            .formatted(waiting, running));
    this.waiting = waiting;
    this.running = running;
  }

  /**
   * Requests that waited at that moment.
   *
   * @return the capacity of the queue
   */
  public int waiting() {
    return waiting;
  }

  /**
   * Requests that were being generated at that moment.
   *
   * @return at most the rows of the scheduler
   */
  public int running() {
    return running;
  }
}
