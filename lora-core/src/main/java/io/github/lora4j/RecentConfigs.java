package io.github.lora4j;

import java.lang.ref.SoftReference;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Optional;

/**
 * The configurations that were read last, by the bytes of their files. A server loads many adapters
 * of few configurations; the same bytes say the same.
 *
 * <p>Thread-safe.
 */
final class RecentConfigs {

  private static final int KEPT = 16;

  /** Larger files are rare, and would keep memory for little. */
  private static final int LARGEST = 16_384;

  static final RecentConfigs SHARED = new RecentConfigs();

  @SuppressWarnings("ArrayRecordComponent") // compared by hand
  private record Known(int hash, byte[] bytes, LoraConfig config) {}

  private final Deque<SoftReference<Known>> known = new ArrayDeque<>();

  synchronized Optional<LoraConfig> find(byte[] bytes) {
    int hash = Arrays.hashCode(bytes);
    known.removeIf(one -> one.get() == null);
    for (SoftReference<Known> each : known) {
      Known one = each.get();
      if (one != null && one.hash() == hash && Arrays.equals(one.bytes(), bytes)) {
        return Optional.of(one.config());
      }
    }
    return Optional.empty();
  }

  synchronized void add(byte[] bytes, LoraConfig config) {
    if (bytes.length > LARGEST) {
      return;
    }
    known.addFirst(new SoftReference<>(new Known(Arrays.hashCode(bytes), bytes, config)));
    if (known.size() > KEPT) {
      known.removeLast();
    }
  }
}
