package io.github.lora4j.hub;

import java.time.Duration;
import java.util.Optional;

/**
 * How far a download or an upload is.
 *
 * @param repository whose files these are, e.g. {@code me/squad-bloom-3b}
 * @param files how many files there are in all
 * @param filesDone how many of them are complete, those that were there before included
 * @param bytes done so far, bytes; those of files that were there before are not counted
 * @param totalBytes to be done in all, bytes
 * @param bytesPerSecond since the beginning, bytes per second; 0 before anything can be said
 * @since 0.1.0
 */
public record HubProgress(
    HubRepository repository,
    int files,
    int filesDone,
    long bytes,
    long totalBytes,
    double bytesPerSecond) {

  /**
   * The part that is done.
   *
   * @return from 0 to 1
   */
  public double fraction() {
    return totalBytes == 0 ? 1 : (double) bytes / totalBytes;
  }

  /**
   * How long the rest will take at the rate so far.
   *
   * @return empty before a rate is known
   */
  public Optional<Duration> remaining() {
    if (bytesPerSecond <= 0) {
      return Optional.empty();
    }
    return Optional.of(Duration.ofSeconds(Math.round((totalBytes - bytes) / bytesPerSecond)));
  }
}
