package io.github.lora4j.djl.jinja;

/** What stands behind a bar: makes another value of a value. */
@FunctionalInterface
interface Filter {

  /** The other value. */
  Object apply(Frame frame, Object value, Arguments arguments);
}
