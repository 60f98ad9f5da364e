package io.github.lora4j.examples;

import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.util.function.BiFunction;
import picocli.CommandLine;

/**
 * Runs the command of an example: one line for an error, exit codes, Ctrl-C.
 *
 * @param out what it prints
 * @param err what went wrong
 */
record Example(PrintWriter out, PrintWriter err) {

  /** Prints to the terminal. */
  static Example onTerminal() {
    return new Example(writer(System.out), writer(System.err));
  }

  private static PrintWriter writer(PrintStream stream) {
    return new PrintWriter(new OutputStreamWriter(stream, Charset.defaultCharset()), true);
  }

  /**
   * Runs a command.
   *
   * @param command gets where to print and what tells it of Ctrl-C
   * @param args the command line
   * @return exit code: 0 done, 1 failed, 2 wrong option
   */
  int run(BiFunction<Page, Interruption, Object> command, String... args) {
    OneLineErrors errors = new OneLineErrors();
    try (Interruption interruption = Interruption.watch(err)) {
      return new CommandLine(command.apply(new Page(out), interruption))
          .setResourceBundle(new DefaultsInHelp())
          .setOut(out)
          .setErr(err)
          .setExecutionExceptionHandler(errors)
          .setParameterExceptionHandler(errors)
          .setUsageHelpAutoWidth(true)
          .execute(args);
    }
  }
}
