package io.github.lora4j.djl;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** Real files that are no part of this project: {@code -Dlora4j.shared=DIR}. */
public final class SharedFiles {

  private SharedFiles() {}

  /**
   * A file or directory below the one given; without it the test is skipped and says so.
   *
   * @param path relative to it
   * @return the path, which exists
   */
  public static Path require(String path) {
    String root = System.getProperty("lora4j.shared", "");
    Path file = Path.of(root, path);
    boolean there = !root.isEmpty() && Files.exists(file);
    if (!there) {
      System.out.println("skipped: needs real files, give -Dlora4j.shared=DIR with " + path);
    }
    Assumptions.assumeTrue(there, "needs -Dlora4j.shared=DIR with " + path);
    return file;
  }
}
