package io.github.lora4j.djl.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/** Memory of this process as the operating system counts it. */
final class ProcessMemory {

  static final Path STATUS = Path.of("/proc/self/status");
  private static final String HIGH_WATER = "VmHWM:";
  private static final long KIBIBYTE = 1024;

  /** What is said where the system does not tell. */
  static final long UNKNOWN = -1;

  private ProcessMemory() {}

  /** Highest resident set so far, bytes. */
  static long peakBytes() {
    if (!Files.isReadable(STATUS)) {
      return UNKNOWN;
    }
    try {
      return peakBytes(Files.readAllLines(STATUS));
    } catch (IOException e) {
      return UNKNOWN; // a figure to look at is no reason to end a training
    }
  }

  static long peakBytes(List<String> status) {
    return bytes(status, HIGH_WATER).orElse(UNKNOWN);
  }

  /** A figure of one of the system's files, in bytes: its line reads {@code VmHWM: 123456 kB}. */
  static OptionalLong bytes(List<String> lines, String key) {
    return lines.stream()
        .filter(line -> line.startsWith(key))
        .map(line -> line.substring(key.length()).replace("kB", "").strip())
        .mapToLong(number -> Long.parseLong(number) * KIBIBYTE)
        .findFirst();
  }
}
