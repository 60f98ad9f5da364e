package io.github.lora4j.io;

import java.io.IOException;
import java.nio.file.Path;

/**
 * A file is not what its format says. The message names the file, the tensor and the numbers.
 *
 * @since 0.1.0
 */
public final class TensorFileException extends IOException {

  private static final long serialVersionUID = 1L;

  /**
   * Says what is wrong with a file.
   *
   * @param file the file
   * @param problem what was wanted and what was found
   */
  public TensorFileException(Path file, String problem) {
    super(file + ": " + problem);
  }
}
