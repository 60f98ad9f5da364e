package io.github.lora4j.djl.train;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Runs one task on several inputs at once, a thread each. */
final class InParallel {

  /** A task that may fail. */
  interface Task<I, O> {
    O run(I input) throws Exception;
  }

  private InParallel() {}

  static <I, O> List<O> run(List<I> inputs, Task<I, O> task) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(inputs.size());
    try {
      List<Future<O>> futures = new ArrayList<>();
      for (I input : inputs) {
        futures.add(threads.submit(() -> task.run(input)));
      }
      List<O> results = new ArrayList<>();
      for (Future<O> future : futures) {
        results.add(future.get());
      }
      return results;
    } finally {
      threads.shutdown();
    }
  }
}
