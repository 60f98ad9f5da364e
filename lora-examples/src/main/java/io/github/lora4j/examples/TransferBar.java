package io.github.lora4j.examples;

import io.github.lora4j.hub.HubProgress;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Shows how far a transfer is: on a terminal one line that changes, elsewhere a line each tenth.
 */
final class TransferBar implements Consumer<HubProgress> {

  private static final int WIDTH = 30; // columns

  private final PrintWriter out;
  private final boolean terminal;
  private int shownTenths;

  TransferBar(PrintWriter out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  @Override
  public void accept(HubProgress progress) {
    int tenths = (int) (10 * progress.fraction());
    boolean done = progress.filesDone() == progress.files();
    if (terminal) {
      out.print("\r" + line(progress) + "   "); // over the end of a longer line
      if (done) {
        out.println();
      }
    } else if (tenths > shownTenths || done) {
      out.println(line(progress));
    }
    shownTenths = tenths;
    out.flush();
  }

  static String line(HubProgress progress) {
    int full = (int) (WIDTH * progress.fraction());
    return String.format(
        Locale.ROOT,
        "[%s%s] %3d%%  %s of %s  %s/s  %s left  %d of %d files",
        "#".repeat(full),
        ".".repeat(WIDTH - full),
        (int) (100 * progress.fraction()),
        bytes(progress.bytes()),
        bytes(progress.totalBytes()),
        bytes((long) progress.bytesPerSecond()),
        progress.remaining().map(TransferBar::clock).orElse("-:--"),
        progress.filesDone(),
        progress.files());
  }

  private static String clock(Duration duration) {
    return duration.toHours() > 0
        ? "%d:%02d:%02d"
            .formatted(duration.toHours(), duration.toMinutesPart(), duration.toSecondsPart())
        : "%d:%02d".formatted(duration.toMinutes(), duration.toSecondsPart());
  }

  private static String bytes(long bytes) {
    if (bytes < 1_000_000) {
      return String.format(Locale.ROOT, "%.1f kB", bytes / 1e3);
    }
    return bytes < 1_000_000_000
        ? String.format(Locale.ROOT, "%.1f MB", bytes / 1e6)
        : String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
  }
}
