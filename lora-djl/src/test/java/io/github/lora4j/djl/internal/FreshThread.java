package io.github.lora4j.djl.internal;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** A thread for which libtorch has not started any yet. */
final class FreshThread {

  private FreshThread() {}

  static <T> T call(Callable<T> work) throws InterruptedException, ExecutionException {
    FutureTask<T> task = new FutureTask<>(work);
    Thread thread = new Thread(task, "fresh");
    thread.start();
    thread.join();
    return task.get();
  }
}
