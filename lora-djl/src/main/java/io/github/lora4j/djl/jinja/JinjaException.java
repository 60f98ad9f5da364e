package io.github.lora4j.djl.jinja;

/**
 * A template that cannot be read or rendered, with the line.
 *
 * @since 0.1.0
 */
public final class JinjaException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final boolean raised;
  private final int line;

  private JinjaException(String message, boolean raised, int line, JinjaException cause) {
    super(message, cause);
    this.raised = raised;
    this.line = line;
  }

  JinjaException(String message) {
    super(message);
    this.raised = false;
    this.line = 0;
  }

  JinjaException(String message, int line) {
    super("line " + line + ": " + message);
    this.raised = false;
    this.line = line;
  }

  private JinjaException(String message, boolean raised) {
    super(message);
    this.raised = raised;
    this.line = 0;
  }

  /** What the template itself refuses, in its own words. */
  static JinjaException raised(String message) {
    return new JinjaException(message, true);
  }

  /** The same, with the line where it happened unless one is known; a template's own words stay. */
  JinjaException at(int where) {
    if (raised || line > 0) {
      return this;
    }
    return new JinjaException("line " + where + ": " + getMessage(), false, where, this);
  }

  /**
   * Whether the template said so itself, by {@code raise_exception}: what it was given is not what
   * it is for.
   *
   * @return false if the template cannot be read or computed
   */
  public boolean raised() {
    return raised;
  }
}
