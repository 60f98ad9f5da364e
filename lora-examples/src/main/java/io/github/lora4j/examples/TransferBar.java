package io.github.lora4j.examples;

import io.github.lora4j.hub.HubProgress;
import java.io.Console;
import java.io.PrintWriter;
import java.lang.reflect.InvocationTargetException;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Tells how far a transfer is: on a terminal in one line that is drawn anew, elsewhere in a line
 * for every quarter.
 */
final class TransferBar implements Consumer<HubProgress> {

  private static final int CELLS = 24;
  private static final double MEGA = 1e6;
  private static final int QUARTERS = 4;

  /** One column less than a narrow terminal has: some wrap when the last one is written. */
  private static final String LINE = "\r%-79.79s";

  private final PrintWriter out;
  private final boolean terminal;
  private int quarter = -1;

  TransferBar(PrintWriter out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  /** Draws on the standard output if that is a terminal. */
  static TransferBar onTerminal() {
    return new TransferBar(Example.writer(System.out), isTerminal());
  }

  /** From Java 22 on there is a console without a terminal, and a method to ask. */
  @SuppressWarnings("SystemConsoleNull") // null means what it says up to 21, isTerminal after
  private static boolean isTerminal() {
    Console console = System.console();
    if (console == null) {
      return false;
    }
    try {
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (NoSuchMethodException e) {
      return true;
    } catch (IllegalAccessException | InvocationTargetException e) {
      return false;
    }
  }

  @Override
  public synchronized void accept(HubProgress progress) {
    boolean done = progress.filesDone() == progress.files();
    if (terminal) {
      out.print(LINE.formatted(line(progress)));
      if (done) {
        out.println();
      }
      out.flush();
      return;
    }
    int now = (int) (progress.fraction() * QUARTERS);
    if (now > quarter || done) {
      quarter = now;
      out.println(line(progress));
      out.flush();
    }
  }

  private static String line(HubProgress progress) {
    int full = (int) (progress.fraction() * CELLS);
    return String.format(
        Locale.ROOT,
        "%3.0f%% [%s%s] %.1f/%.1f MB  %d/%d files  %.1f MB/s  eta %s",
        100 * progress.fraction(),
        "=".repeat(full),
        " ".repeat(CELLS - full),
        progress.bytes() / MEGA,
        progress.totalBytes() / MEGA,
        progress.filesDone(),
        progress.files(),
        progress.bytesPerSecond() / MEGA,
        progress.remaining().map(TransferBar::clock).orElse("-"));
  }

  private static String clock(Duration left) {
    return String.format(
        Locale.ROOT, "%d:%02d:%02d", left.toHours(), left.toMinutesPart(), left.toSecondsPart());
  }
}
