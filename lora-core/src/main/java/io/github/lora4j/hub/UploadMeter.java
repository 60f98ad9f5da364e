package io.github.lora4j.hub;

import java.util.HashSet;
import java.util.Set;
import java.util.function.LongConsumer;

/** Tells how far an upload is, at most some times a second. */
final class UploadMeter {

  private static final long NANOS_BETWEEN = 200_000_000;
  private static final double NANOS = 1e9;

  private final HubOptions options;
  private final HubRepository repository;
  private final int files;
  private final long total;
  private final long start;
  private long told;
  private long finished;
  private final Set<UploadFile> filesFinished = new HashSet<>();

  UploadMeter(HubOptions options, HubRepository repository, UploadPlan plan) {
    this.options = options;
    this.repository = repository;
    this.files = plan.inline().size() + plan.large().size();
    this.total =
        plan.inline().stream().mapToLong(UploadFile::size).sum()
            + plan.large().stream().mapToLong(UploadFile::size).sum();
    this.start = options.time().nanos();
    this.told = start - NANOS_BETWEEN;
    tell(0);
  }

  /** Follows one file; what is sent again is counted once. Called from threads of the client. */
  synchronized LongConsumer of(UploadFile file) {
    return sent -> at(file, sent);
  }

  private synchronized void at(UploadFile file, long sent) {
    if (filesFinished.contains(file)) {
      return; // sent a second time
    }
    if (sent == file.size()) {
      finished += sent;
      filesFinished.add(file);
      tell(0);
    } else if (options.time().nanos() - told >= NANOS_BETWEEN) {
      tell(sent);
    }
  }

  /** All is committed. */
  synchronized void done() {
    finished = total;
    tell(0);
  }

  private void tell(long ofThisFile) {
    int done = finished == total ? files : filesFinished.size();
    told = options.time().nanos();
    long bytes = finished + ofThisFile;
    double seconds = (told - start) / NANOS;
    options
        .progress()
        .accept(
            new HubProgress(
                repository, files, done, bytes, total, seconds > 0 ? bytes / seconds : 0));
  }
}
