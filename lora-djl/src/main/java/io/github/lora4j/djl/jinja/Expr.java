package io.github.lora4j.djl.jinja;

/** An expression of a template. */
@FunctionalInterface
interface Expr {

  /** Its value where the names of a frame hold; never a Java null. */
  Object value(Frame frame);
}
