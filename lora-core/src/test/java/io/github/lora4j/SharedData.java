package io.github.lora4j;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * Real files from outside the repository, for extra tests; {@code -Dlora4j.shared=DIR} gives them.
 */
public final class SharedData {

  private SharedData() {}

  /**
   * Finds a directory of the shared data, or skips the test and says why.
   *
   * @param name path below the shared directory
   * @return the directory
   */
  public static Path directory(String name) {
    String shared = System.getProperty("lora4j.shared", "");
    Path directory = Path.of(shared).resolve(name);
    boolean there = !shared.isEmpty() && Files.isDirectory(directory);
    if (!there) {
      System.out.printf("skipped: no %s; give -Dlora4j.shared=DIR to test real files%n", name);
    }
    Assumptions.assumeTrue(there, "-Dlora4j.shared=DIR is not given or has no " + name);
    return directory;
  }
}
