package io.github.lora4j.hub;

import java.util.function.Consumer;

/** Counts what many threads transfer, and tells the listener now and then. */
final class Meter {

  /** Often enough for a bar on a screen, nanoseconds. */
  private static final long EVERY = 100_000_000L;

  private final HubRepository repository;
  private final int files;
  private final long total;
  private final Consumer<HubProgress> listener;
  private final HubTime time;
  private final long start;
  private int filesDone;
  private long bytes;
  private long moved;
  private long told;

  /**
   * A meter.
   *
   * @param filesDone of them, already there
   * @param present bytes of the total that an earlier transfer brought
   */
  Meter(
      HubRepository repository,
      int files,
      int filesDone,
      long total,
      long present,
      HubOptions options,
      Consumer<HubProgress> listener) {
    this.repository = repository;
    this.files = files;
    this.filesDone = filesDone;
    this.total = total;
    this.bytes = present;
    this.listener = listener;
    this.time = options.time();
    this.start = time.nanos();
    this.told = start;
    tell(start);
  }

  /** Bytes came; negative if they are to come again. */
  synchronized void add(long count) {
    bytes += count;
    moved += Math.max(0, count);
    long now = time.nanos();
    if (now - told >= EVERY) {
      tell(now);
    }
  }

  /** Bytes that another process brought meanwhile; they say nothing of our rate. */
  synchronized void cameOtherwise(long count) {
    bytes += count;
  }

  synchronized void fileDone() {
    filesDone++;
    tell(time.nanos());
  }

  private void tell(long now) {
    told = now;
    double seconds = (now - start) / 1e9;
    double rate = seconds <= 0 ? 0 : moved / seconds;
    listener.accept(
        new HubProgress(repository, files, filesDone, Math.min(bytes, total), total, rate));
  }
}
