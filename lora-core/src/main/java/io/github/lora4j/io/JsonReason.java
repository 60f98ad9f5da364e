package io.github.lora4j.io;

/**
 * What a JSON parser complains about, in the words of this library's messages.
 *
 * @since 0.1.0
 */
public final class JsonReason {

  private JsonReason() {}

  /**
   * The complaint of a parser, on one line.
   *
   * @param e its exception
   * @return the first line of the message; the others link to the parser's manual
   */
  public static String of(Exception e) {
    Throwable cause = e.getCause() == null ? e : e.getCause();
    return String.valueOf(cause.getMessage())
        .lines()
        .findFirst()
        .orElse(cause.getClass().getSimpleName())
        .replace(
            "Use JsonReader.setStrictness(Strictness.LENIENT) to accept malformed", "malformed");
  }
}
