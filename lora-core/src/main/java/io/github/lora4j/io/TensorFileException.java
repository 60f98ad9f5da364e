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

  /** Longest problem that is told whole; names in a hostile file may be longer than a screen. */
  private static final int LONGEST = 1000;

  /**
   * Says what is wrong with a file.
   *
   * @param file the file
   * @param problem what was wanted and what was found
   */
  public TensorFileException(Path file, String problem) {
    this(file.toString(), problem);
  }

  TensorFileException(String file, String problem) {
    super(file + ": " + printable(problem));
  }

  /** Names come from the file: what would move a terminal's cursor is spelt out. */
  private static String printable(String problem) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < Math.min(problem.length(), LONGEST); i++) {
      char c = problem.charAt(i);
      if (Character.isISOControl(c)) {
        text.append("\\u%04x".formatted((int) c));
      } else {
        text.append(c);
      }
    }
    return problem.length() > LONGEST ? text.append('…').toString() : text.toString();
  }
}
