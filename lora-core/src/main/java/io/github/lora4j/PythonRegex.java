package io.github.lora4j;

import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Regular expressions as PEFT's files carry them: in Python's dialect. */
final class PythonRegex {

  private PythonRegex() {}

  static Pattern compile(String regex) {
    return Pattern.compile(
        regex
            .replace("(?P<", "(?<")
            .replaceAll("\\(\\?P=(\\w+)\\)", "\\\\k<$1>")
            .replace("\\Z", "\\z"));
  }

  static void check(String regex, String what, List<String> problems) {
    try {
      compile(regex);
    } catch (PatternSyntaxException e) {
      problems.add(
          "%s '%s' is no regular expression: %s".formatted(what, regex, e.getDescription()));
    }
  }
}
