package io.github.lora4j.djl.jinja;

/**
 * A value that is not there. It is false, empty and prints nothing, and anything else done with it
 * is refused with the reason.
 */
record Undefined(String reason) {

  JinjaException refused() {
    return new JinjaException(reason);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Undefined; // as in jinja2
  }

  @Override
  public int hashCode() {
    return 0;
  }
}
