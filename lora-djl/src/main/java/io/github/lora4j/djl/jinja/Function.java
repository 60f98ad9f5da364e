package io.github.lora4j.djl.jinja;

/** What a template can call: a macro, a method of a value, a function. */
@FunctionalInterface
interface Function {

  /** Calls it. */
  Object call(Frame frame, Arguments arguments);
}
