package io.github.lora4j;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Loads that failed a short while ago, so that a wrong id does not read a disk at every request.
 */
final class RecentFailures {

  /** Most that are remembered: whoever asks for made-up ids must not fill the heap. */
  static final int MOST = 1000;

  record Failure(Exception cause, long at) {}

  private final long keptNanos;

  /** The oldest first. */
  private final Map<String, Failure> failures = new LinkedHashMap<>();

  RecentFailures(long keptNanos) {
    this.keptNanos = keptNanos;
  }

  void add(String id, Exception cause, long now) {
    if (keptNanos == 0) {
      return;
    }
    failures.remove(id);
    failures.put(id, new Failure(cause, now));
    Iterator<Failure> oldest = failures.values().iterator();
    while (oldest.hasNext()) {
      Failure failure = oldest.next();
      if (failures.size() <= MOST && !isOver(failure, now)) {
        return;
      }
      oldest.remove();
    }
  }

  Optional<Failure> find(String id, long now) {
    Failure failure = failures.get(id);
    if (failure != null && isOver(failure, now)) {
      failures.remove(id);
      return Optional.empty();
    }
    return Optional.ofNullable(failure);
  }

  void remove(String id) {
    failures.remove(id);
  }

  long nanosLeft(Failure failure, long now) {
    return keptNanos - (now - failure.at());
  }

  private boolean isOver(Failure failure, long now) {
    return now - failure.at() >= keptNanos;
  }

  int size() {
    return failures.size();
  }
}
