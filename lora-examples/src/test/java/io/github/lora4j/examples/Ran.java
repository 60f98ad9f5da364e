package io.github.lora4j.examples;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.function.BiFunction;

/**
 * What an example did.
 *
 * @param exitCode of the command
 * @param out what it printed
 * @param err what it complained of
 */
record Ran(int exitCode, String out, String err) {

  static Ran example(BiFunction<Page, Interruption, Object> command, String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exitCode =
        new Example(new PrintWriter(out, true), new PrintWriter(err, true)).run(command, args);
    return new Ran(exitCode, out.toString(), err.toString());
  }
}
