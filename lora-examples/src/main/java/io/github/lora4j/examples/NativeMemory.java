package io.github.lora4j.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** What the process occupies, as the system counts it. */
final class NativeMemory {

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String RESIDENT = "VmRSS:";

  private NativeMemory() {}

  /** Resident memory in words; Linux only. */
  static String resident() throws IOException {
    if (!Files.isReadable(STATUS)) {
      return "not told by this system";
    }
    for (String line : Files.readAllLines(STATUS)) {
      if (line.startsWith(RESIDENT)) {
        String kilobytes = line.substring(RESIDENT.length()).strip().split(" ", -1)[0];
        return megabytes(Long.parseLong(kilobytes) * 1024);
      }
    }
    return "not told by this system";
  }

  private static String megabytes(long bytes) {
    return String.format(Locale.ROOT, "%,.1f MB", bytes / 1e6);
  }
}
