package io.github.lora4j;

/**
 * The files or the model disagree with what was asked: a wrong target, a damaged file, an adapter
 * of another base. The message says what was wanted, what was found and what to do.
 *
 * @since 0.1.0
 */
public class LoraException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /**
   * With a message.
   *
   * @param message what was wanted, what was found, what to do
   */
  public LoraException(String message) {
    super(printable(message));
  }

  /**
   * With a message and what led to it.
   *
   * @param message what was wanted, what was found, what to do
   * @param cause the failure below
   */
  public LoraException(String message, Throwable cause) {
    super(printable(message), cause);
  }

  /** Names come from files: what would move a terminal's cursor is spelt out, line breaks stay. */
  private static String printable(String message) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < message.length(); i++) {
      char c = message.charAt(i);
      if (Character.isISOControl(c) && c != '\n') {
        text.append("\\u%04x".formatted((int) c));
      } else {
        text.append(c);
      }
    }
    return text.toString();
  }
}
