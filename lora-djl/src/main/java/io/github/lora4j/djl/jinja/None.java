package io.github.lora4j.djl.jinja;

/** Python's {@code None}; a Java null never is a value of a template. */
enum None {
  NONE
}
