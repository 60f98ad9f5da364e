package io.github.lora4j;

import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A regular expression in Python's dialect, as PEFT's files carry them. Files may come from anyone,
 * so matching is bounded in time and in stack: see {@link PythonRegexTranslator}.
 */
final class PythonRegex {

  /** Ordinary expressions on ordinary paths need fewer than 10,000. */
  private static final int MAX_STEPS = 1_000_000;

  private final String source;
  private final Pattern pattern;

  private PythonRegex(String source, Pattern pattern) {
    this.source = source;
    this.pattern = pattern;
  }

  /**
   * An expression for {@link #matches}.
   *
   * @throws IllegalArgumentException if it is none, with the reason
   */
  static PythonRegex of(String regex) {
    String java = new PythonRegexTranslator(regex).translate();
    return new PythonRegex(regex, compile("(?:" + java + ")" + PythonRegexTranslator.END));
  }

  /**
   * PEFT's form of a rank or alpha pattern: {@code (.*\.)?(KEY)$} from the start of a path.
   *
   * @throws IllegalArgumentException if it is none, with the reason
   */
  static PythonRegex ofEnd(String key) {
    return ofStart("(.*\\.)?(" + key + ")$");
  }

  /**
   * PEFT's form of a layers pattern: {@code (?:^|.*?\.)NAME\.(\d+)\.} from the start of a path.
   *
   * @throws IllegalArgumentException if it is none, with the reason
   */
  static PythonRegex ofLayers(String name) {
    return ofStart("(?:^|.*?\\.)" + name + "\\.(\\d+)\\.");
  }

  /** An expression that may match a part of a text, from its start. */
  static PythonRegex ofStart(String regex) {
    return new PythonRegex(regex, compile(new PythonRegexTranslator(regex).translate()));
  }

  private static Pattern compile(String java) {
    try {
      return Pattern.compile(java, Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNIX_LINES);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(e.getDescription(), e);
    }
  }

  /** Python's {@code re.fullmatch} or {@code re.match}, as the expression was made for. */
  boolean matches(String text) {
    return matches(text, new int[1]);
  }

  /** The same, adding up how many characters it looked at. */
  boolean matches(String text, int[] steps) {
    return matcher(text, steps).lookingAt();
  }

  /** The number that the last group captured, if the expression matches; huge ones fit no layer. */
  OptionalInt number(String text) {
    Matcher matcher = matcher(text, new int[1]);
    if (!matcher.lookingAt()) {
      return OptionalInt.empty();
    }
    String digits = matcher.group(matcher.groupCount());
    try {
      return OptionalInt.of(Integer.parseInt(digits));
    } catch (NumberFormatException e) {
      return OptionalInt.of(Integer.MAX_VALUE);
    }
  }

  private Matcher matcher(String text, int[] steps) {
    return pattern.matcher(new CountedText(text + PythonRegexTranslator.END, steps));
  }

  private static String cut(String text) {
    return text.length() > 80 ? text.substring(0, 80) + "…" : text;
  }

  /** Counts looks at characters, so that a hostile expression ends in an exception. */
  private final class CountedText implements CharSequence {
    private final String text;
    private final int[] steps;

    CountedText(String text, int[] steps) {
      this.text = text;
      this.steps = steps;
    }

    @Override
    public char charAt(int index) {
      if (++steps[0] > MAX_STEPS) {
        throw new LoraException(
            "regular expression '%s' takes more than %,d steps on '%s'; simplify it or list names"
                .formatted(cut(source), MAX_STEPS, text.substring(0, text.length() - 1)));
      }
      return text.charAt(index);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
