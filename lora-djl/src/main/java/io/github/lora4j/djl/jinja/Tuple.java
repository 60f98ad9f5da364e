package io.github.lora4j.djl.jinja;

import java.util.List;

/** A list that prints in parentheses. */
record Tuple(List<Object> items) {

  static Tuple of(Object... items) {
    return new Tuple(List.of(items));
  }
}
