package io.github.lora4j.examples;

import java.io.Console;
import java.util.Optional;

/** Whether somebody looks at what is printed. */
final class Terminal {

  private Terminal() {}

  static boolean present() {
    return Optional.ofNullable(System.console()).map(Terminal::isTerminal).orElse(false);
  }

  /** From Java 22 on there is a console without a terminal too; it then says so itself. */
  private static boolean isTerminal(Console console) {
    try {
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException e) {
      return true; // older Java: a console is a terminal
    }
  }
}
