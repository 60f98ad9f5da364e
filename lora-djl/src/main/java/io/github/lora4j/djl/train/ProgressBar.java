package io.github.lora4j.djl.train;

import java.io.Console;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.Locale;
import java.util.function.LongSupplier;

/** One line on a terminal that tells how far a training is and when it will end. */
final class ProgressBar implements TrainingListener {

  private static final int CELLS = 16;

  /** One column less than a narrow terminal has: some wrap when the last one is written. */
  private static final String LINE = "\r%-79.79s";

  private static final double NANOS = 1e9;

  private final PrintStream out;
  private final LongSupplier clock;
  private final int total;
  private final int taken;
  private final long start;

  /**
   * A bar.
   *
   * @param out where to draw
   * @param clock nanoseconds
   * @param taken steps taken in an earlier part of the run
   * @param total steps of the run
   */
  ProgressBar(PrintStream out, LongSupplier clock, int taken, int total) {
    this.out = out;
    this.clock = clock;
    this.taken = taken;
    this.total = total;
    this.start = clock.getAsLong();
    draw(taken, "");
  }

  /**
   * Whether the standard output is a terminal. From Java 22 on there is a console object without
   * one, and a method to ask.
   */
  @SuppressWarnings("SystemConsoleNull") // null means what it says up to 21, isTerminal after
  static boolean terminal() {
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
  public void onStep(TrainingStep step) {
    double seconds = (clock.getAsLong() - start) / NANOS;
    double left = seconds / (step.step() - taken) * (total - step.step());
    String figures =
        String.format(
            Locale.ROOT,
            "eta %s  loss %.4f  lr %.1e  %.0f tok/s",
            duration(Math.round(left)),
            step.loss(),
            step.learningRate(),
            step.tokensPerSecond());
    draw(step.step(), figures);
  }

  private void draw(int step, String figures) {
    int full = total == 0 ? CELLS : (int) ((long) CELLS * step / total);
    String bar = "=".repeat(full) + " ".repeat(CELLS - full);
    String line =
        "%3d%% [%s] %d/%d  %s"
            .formatted(total == 0 ? 100 : 100L * step / total, bar, step, total, figures);
    // padded, so that nothing of a longer line before is left
    out.print(LINE.formatted(line));
    out.flush();
  }

  static String duration(long seconds) {
    return seconds < 3600
        ? "%d:%02d".formatted(seconds / 60, seconds % 60)
        : "%d:%02d:%02d".formatted(seconds / 3600, seconds / 60 % 60, seconds % 60);
  }

  /** Goes to the next line. */
  void end() {
    out.println();
  }
}
