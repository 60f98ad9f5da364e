package io.github.lora4j.djl.generate;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Where every request of a scheduler stands: waiting, running or ended. It is what those who submit
 * and the one thread that generates share; nobody calls out of it.
 */
final class RequestBook {

  /** How a request ended. */
  enum End {
    COMPLETED,
    FAILED,
    EXPIRED,
    CANCELLED
  }

  private final int capacity;
  private final Deque<ScheduledGeneration> waiting = new ArrayDeque<>();
  private final Set<ScheduledGeneration> running = new LinkedHashSet<>();
  private final Map<End, Long> ended = new EnumMap<>(End.class);
  private long rejected;
  private long tokens;
  private boolean closed;

  /**
   * An empty book.
   *
   * @param capacity most requests that wait
   */
  RequestBook(int capacity) {
    this.capacity = capacity;
  }

  /** Refuses a request before work is put into it. */
  synchronized void refuseIfFull() {
    if (closed) {
      throw new IllegalStateException("the scheduler is closed; build another one");
    }
    if (waiting.size() >= capacity) {
      rejected++;
      throw new GenerationRejectedException(waiting.size(), running.size());
    }
  }

  /** Lets a request wait. */
  synchronized void add(ScheduledGeneration request) {
    refuseIfFull();
    waiting.add(request);
    notifyAll();
  }

  /**
   * Waits until there is something to do.
   *
   * @return false when there will be nothing any more
   */
  synchronized boolean awaitWork() throws InterruptedException {
    while (!closed && !hasWork()) {
      wait();
    }
    return hasWork();
  }

  /** Whether a request waits or runs. */
  synchronized boolean hasWork() {
    return !waiting.isEmpty() || !running.isEmpty();
  }

  /**
   * Moves requests from waiting to running, the first come first, until one does not fit.
   *
   * @param rows most that run at once
   * @param promptTokens most tokens of the prompts of those that are moved, unless it is one alone
   * @return those moved, in order
   */
  synchronized List<ScheduledGeneration> start(int rows, int promptTokens) {
    List<ScheduledGeneration> started = new ArrayList<>();
    long sum = 0;
    while (!waiting.isEmpty() && running.size() < rows) {
      sum += waiting.element().row().promptLength();
      if (!started.isEmpty() && sum > promptTokens) {
        break;
      }
      ScheduledGeneration next = waiting.remove();
      started.add(next);
      running.add(next);
    }
    return started;
  }

  /**
   * Ends a request that waits.
   *
   * @return false if it does not wait, or no longer
   */
  synchronized boolean endWaiting(ScheduledGeneration request, End how) {
    boolean waited = waiting.remove(request);
    if (waited) {
      count(how);
    }
    return waited;
  }

  /** Ends a request that runs. */
  synchronized void endRunning(ScheduledGeneration request, End how) {
    if (running.remove(request)) {
      count(how);
    }
  }

  private void count(End how) {
    ended.merge(how, 1L, Long::sum);
  }

  synchronized List<ScheduledGeneration> waiting() {
    return List.copyOf(waiting);
  }

  synchronized List<ScheduledGeneration> running() {
    return List.copyOf(running);
  }

  /** Notes how many tokens were generated in all. */
  synchronized void tokens(long all) {
    tokens = all;
  }

  /** Takes no further request. */
  synchronized void close() {
    closed = true;
    notifyAll();
  }

  synchronized SchedulerFigures figures() {
    return new SchedulerFigures(
        waiting.size(),
        running.size(),
        ended.getOrDefault(End.COMPLETED, 0L),
        ended.getOrDefault(End.FAILED, 0L),
        ended.getOrDefault(End.EXPIRED, 0L),
        ended.getOrDefault(End.CANCELLED, 0L),
        rejected,
        tokens);
  }
}
