package io.github.lora4j.examples;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Ends a run cleanly on Ctrl-C: asks what is running to stop, waits until its files are whole, says
 * one line, and lets the JVM end with the signal's exit code. Nothing that the run would have done
 * next is done.
 */
final class Interruption implements AutoCloseable {

  /** Work whose files must not be torn. */
  @FunctionalInterface
  interface Work<T> {
    T run() throws IOException;
  }

  private final PrintWriter err;
  private final Thread hook = new Thread(this::end, "interruption");
  private final ReentrantLock working = new ReentrantLock();

  private volatile boolean ending;
  private volatile Runnable stop = () -> {};
  private volatile String lastWords = "interrupted";

  private Interruption(PrintWriter err) {
    this.err = err;
  }

  /**
   * Starts to watch; {@link #close} ends it.
   *
   * @param err where the last line goes
   */
  static Interruption watch(PrintWriter err) {
    Interruption interruption = new Interruption(err);
    Runtime.getRuntime().addShutdownHook(interruption.hook);
    return interruption;
  }

  /**
   * Runs work that an interrupt waits for. Does not return if there was one.
   *
   * @param stopRequest asks the work to end early, from another thread
   */
  <T> T finish(Runnable stopRequest, Work<T> work) throws IOException {
    working.lock();
    try {
      stop = stopRequest;
      if (ending) {
        stopRequest.run();
      }
      return work.run();
    } catch (IOException | RuntimeException e) {
      lastWords = "interrupted, and " + OneLineErrors.line(e);
      throw e;
    } finally {
      stop = () -> {};
      working.unlock();
      restIfEnding();
    }
  }

  /** Sets the line that an interrupt from now on ends with. */
  void lastWords(String line) {
    lastWords = line;
  }

  private void end() {
    ending = true;
    stop.run();
    working.lock();
    err.println(OneLineErrors.PREFIX + lastWords);
    err.flush();
  }

  /** Waits for the JVM to end, which it does as soon as its shutdown hooks have. */
  private void restIfEnding() {
    try {
      if (ending) {
        new CountDownLatch(1).await();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Ends the watch, for a run that reached its end by itself. */
  @Override
  public void close() {
    restIfEnding();
    if (!ending) {
      Runtime.getRuntime().removeShutdownHook(hook);
    }
  }
}
