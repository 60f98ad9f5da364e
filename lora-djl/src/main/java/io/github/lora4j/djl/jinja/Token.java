package io.github.lora4j.djl.jinja;

/** A piece of a template. */
record Token(Kind kind, String text, int line) {

  /** What it is. */
  enum Kind {
    DATA,
    BLOCK,
    BLOCK_END,
    VARIABLE,
    VARIABLE_END,
    NAME,
    STRING,
    WHOLE,
    FRACTION,
    OPERATOR,
    END
  }

  boolean is(Kind wanted, String wantedText) {
    return kind == wanted && text.equals(wantedText);
  }

  @Override
  public String toString() {
    return switch (kind) {
      case BLOCK -> "'{%'";
      case BLOCK_END -> "'%}'";
      case VARIABLE -> "'{{'";
      case VARIABLE_END -> "'}}'";
      case DATA -> "text";
      case END -> "the end of the template";
      default -> "'" + text + "'";
    };
  }
}
