package io.github.lora4j.examples;

import java.io.PrintWriter;
import java.util.Locale;

/** What an example prints: numbered sections, one idea each. */
final class Page {

  private static final int WIDTH = 90; // columns of wrapped text

  private final PrintWriter out;
  private int section;

  Page(PrintWriter out) {
    this.out = out;
  }

  /** Starts the next section with a sentence on what it is about. */
  void section(String title, String about) {
    section++;
    String line = section + ". " + title;
    out.printf("%n%s%n%s%n", line, "-".repeat(line.length()));
    say(wrapped(about, ""));
    blank();
  }

  /** Prints an empty line. */
  void blank() {
    out.println();
    out.flush();
  }

  /** Prints a text of several sentences as a quotation. */
  void passage(String text) {
    say(wrapped(text, "  | "));
  }

  /** Prints a line, or several. */
  void say(String text) {
    text.lines().forEach(out::println);
    out.flush();
  }

  /** Prints a line filled in as {@link String#format} does. */
  void say(String format, Object... values) {
    say(String.format(Locale.ROOT, format, values));
  }

  private static String wrapped(String text, String indent) {
    StringBuilder lines = new StringBuilder();
    StringBuilder line = new StringBuilder(indent);
    for (String word : text.split("\\s+", -1)) {
      if (line.length() > indent.length() && line.length() + word.length() > WIDTH) {
        lines.append(line.toString().stripTrailing()).append('\n');
        line.setLength(indent.length());
      }
      line.append(word).append(' ');
    }
    return lines.append(line.toString().stripTrailing()).toString();
  }

  /** What a model said, as it is, so that stray line breaks and spaces are seen. */
  static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\n", "\\n").replace("\"", "\\\"") + '"';
  }
}
