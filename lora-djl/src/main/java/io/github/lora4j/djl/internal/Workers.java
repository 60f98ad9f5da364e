package io.github.lora4j.djl.internal;

import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/**
 * Computes pieces that are independent of each other on as many threads as libtorch is set to use
 * for one operation. Unlike libtorch's own, they wait for each other only once, at the end.
 */
public final class Workers {

  private Workers() {}

  /**
   * Runs all pieces; none runs any more when this returns or throws, since they work on memory that
   * the caller may give back then. An interruption is kept for later.
   *
   * @param <T> what a piece gives
   * @param pieces of a few milliseconds each
   * @return what they give, in their order
   */
  public static <T> List<T> run(List<? extends Supplier<T>> pieces) {
    int threads = Math.min(pieces.size(), JniUtils.getNumThreads());
    if (threads <= 1) {
      return pieces.stream().<T>map(Supplier::get).toList();
    }
    ExecutorService executor = Executors.newFixedThreadPool(threads, Workers::daemon);
    try {
      List<Future<T>> futures = new ArrayList<>();
      pieces.forEach(piece -> futures.add(executor.submit(piece::get)));
      return ended(futures);
    } finally {
      executor.shutdown();
    }
  }

  private static <T> List<T> ended(List<Future<T>> futures) {
    List<T> results = new ArrayList<>();
    List<Throwable> failures = new ArrayList<>();
    boolean interrupted = false;
    for (int i = 0; i < futures.size(); ) {
      try {
        results.add(futures.get(i).get());
        i++;
      } catch (ExecutionException e) {
        failures.add(e.getCause() == null ? e : e.getCause());
        i++;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (!failures.isEmpty()) {
      throw failures.get(0) instanceof RuntimeException failure
          ? failure
          : new IllegalStateException("a piece of a computation failed", failures.get(0));
    }
    return results;
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "lora4j-worker");
    thread.setDaemon(true);
    return thread;
  }
}
