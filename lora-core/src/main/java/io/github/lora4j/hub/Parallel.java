package io.github.lora4j.hub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Several tasks at once, all of which must succeed. */
final class Parallel {

  /** Longer than a thread takes to leave what it reads or writes once interrupted. */
  private static final long MOST_SECONDS_TO_END = 60;

  private Parallel() {}

  /**
   * Runs tasks.
   *
   * @param threads most at once
   * @throws InterruptedIOException if the thread was interrupted; the tasks are then over
   * @throws IOException the first failure; the other tasks are then over
   */
  static void run(List<? extends Callable<?>> tasks, int threads) throws IOException {
    if (tasks.isEmpty()) {
      return;
    }
    ExecutorService executor =
        Executors.newFixedThreadPool(Math.min(threads, tasks.size()), Parallel::daemon);
    try {
      CompletionService<Object> running = new ExecutorCompletionService<>(executor);
      for (Callable<?> task : tasks) {
        var submitted = running.submit(task::call);
        assert submitted != null;
      }
      for (int done = 0; done < tasks.size(); done++) {
        Object ended = running.take().get();
        assert ended != null;
      }
    } catch (InterruptedException e) {
      stop(executor);
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("interrupted while loading").initCause(e);
    } catch (ExecutionException e) {
      stop(executor);
      throw failure(e);
    } finally {
      executor.shutdownNow();
    }
  }

  private static IOException failure(ExecutionException e) {
    if (e.getCause() instanceof IOException failure) {
      return failure;
    }
    if (e.getCause() instanceof RuntimeException failure) {
      throw failure;
    }
    if (e.getCause() instanceof Error failure) {
      throw failure;
    }
    return new IOException(e.getCause());
  }

  /** Interrupts what runs and waits for its end, so that nothing writes afterwards. */
  private static void stop(ExecutorService executor) {
    executor.shutdownNow();
    boolean interrupted = Thread.interrupted();
    try {
      if (!executor.awaitTermination(MOST_SECONDS_TO_END, TimeUnit.SECONDS)) {
        throw new IllegalStateException("a download did not end when it was cancelled");
      }
    } catch (InterruptedException e) {
      interrupted = true; // asked twice: leave at once
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "lora4j-hub");
    thread.setDaemon(true);
    return thread;
  }
}
