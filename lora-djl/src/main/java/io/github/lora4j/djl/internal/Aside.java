package io.github.lora4j.djl.internal;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Work that goes on beside the caller's, and is waited for.
 *
 * @param <T> what comes of it
 */
public final class Aside<T> {

  /**
   * Work that may fail to read.
   *
   * @param <T> what comes of it
   */
  @FunctionalInterface
  public interface Work<T> {

    /**
     * Does it.
     *
     * @return what comes of it
     * @throws IOException if something cannot be read
     */
    T run() throws IOException;
  }

  private final CompletableFuture<T> result = new CompletableFuture<>();

  private Aside() {}

  /**
   * Starts a thread of its own: those of a common pool do not see the class loader of the caller,
   * by which natives are found.
   *
   * @param name of the thread
   * @param work what to do
   * @param <T> what comes of it
   * @return the work under way
   */
  public static <T> Aside<T> start(String name, Work<T> work) {
    Aside<T> aside = new Aside<>();
    Thread thread = new Thread(() -> aside.run(work), name);
    thread.setDaemon(true);
    thread.start();
    return aside;
  }

  private void run(Work<T> work) {
    try {
      result.complete(work.run());
    } catch (Throwable e) { // thrown by get()
      result.completeExceptionally(e);
    }
  }

  /**
   * Waits for the end.
   *
   * @return what came of it
   * @throws IOException if the work threw it; its other exceptions are thrown as they are
   */
  public T get() throws IOException {
    try {
      return result.join();
    } catch (CompletionException e) {
      Throwable cause = e.getCause();
      if (cause instanceof IOException io) {
        throw io;
      }
      if (cause instanceof RuntimeException own) {
        throw own;
      }
      if (cause instanceof Error fatal) {
        throw fatal;
      }
      throw e;
    }
  }
}
