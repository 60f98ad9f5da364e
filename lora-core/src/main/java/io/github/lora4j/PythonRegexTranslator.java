package io.github.lora4j;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Turns Python's regular expressions into Java's for a text that ends in {@link #END}.
 *
 * <p>Every group and every alternative begins with a look at a character, which counts as a step:
 * without it, an expression could try more empty alternatives than there are atoms in the universe
 * and never touch the text. The depth to which Java's matcher can recurse is bounded likewise.
 * Back-references, conditions and most flags have no use in module paths and are refused.
 */
final class PythonRegexTranslator {

  /** No character: ends every text, so that there is always one to look at. */
  static final char END = '\uFFFF';

  private static final String STEP = "(?=[\\x{0}-\\x{10FFFF}])";
  private static final String NOT_END = "&&[^" + END + "]]";
  private static final int MAX_LENGTH = 20_000;
  private static final int MAX_NESTING = 50;
  private static final long MAX_DEPTH = 2000;

  /** What a repeated group counts for: paths are not much longer in segments. */
  private static final long REPETITIONS = 64;

  private static final Pattern COUNT = Pattern.compile("\\{(\\d*)(,?)(\\d*)}");
  private static final Pattern HEX = Pattern.compile("x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}");
  private static final Pattern FLAGS = Pattern.compile("\\(\\?([a-zA-Z-]+)([:)])");

  /** A group being read: the deepest alternative so far, the present one, its latest atom. */
  private static final class Group {
    long deepest;
    long present;
    long atom;

    long depth() {
      return Math.max(deepest, present);
    }
  }

  private final String regex;
  private final StringBuilder java = new StringBuilder(STEP);
  private final Deque<Group> groups = new ArrayDeque<>();
  private final Set<String> names = new HashSet<>();
  private int at;
  private boolean dotMatchesAll;

  PythonRegexTranslator(String regex) {
    this.regex = regex;
  }

  String translate() {
    if (regex.length() > MAX_LENGTH) {
      throw refused("it has %d characters, at most %d are read", regex.length(), MAX_LENGTH);
    }
    groups.push(new Group());
    while (at < regex.length()) {
      char c = regex.charAt(at);
      switch (c) {
        case '(' -> open();
        case ')' -> close();
        case '|' -> alternative();
        case '[' -> atom(characterClass());
        case '\\' -> escaped();
        case '{' -> count();
        case '*', '+', '?' -> repeat(c);
        case '.' -> atom(take(dotMatchesAll ? "[^" + END + "]" : "[^\\n" + END + "]"));
        case '^' -> position(take("^"));
        case '$' -> position(take("(?=\\n?" + END + ")"));
        case '}' -> atom(take("\\}"));
        case END -> throw refused("it holds the character U+FFFF");
        default -> atom(take(String.valueOf(c)));
      }
    }
    if (groups.size() > 1) {
      throw refused("a group is not closed");
    }
    return java.toString();
  }

  private String take(String translated) {
    at++;
    return translated;
  }

  private void atom(String translated) {
    java.append(translated);
    grow(1);
  }

  private void escaped() {
    boolean position = at + 1 < regex.length() && "bBAZ".indexOf(regex.charAt(at + 1)) >= 0;
    String translated = escape(false);
    if (position) {
      position(translated);
    } else {
      atom(translated);
    }
  }

  /** A position is no atom: nothing can repeat it. */
  private void position(String translated) {
    atom(translated);
    groups.element().atom = 0;
  }

  private void grow(long depth) {
    Group group = groups.element();
    group.atom = depth;
    group.present += depth;
    if (group.present > MAX_DEPTH) {
      throw refused("it is too deep; list names instead");
    }
  }

  private void alternative() {
    java.append(take("|")).append(STEP);
    Group group = groups.element();
    group.deepest = group.depth();
    group.present = 0;
    group.atom = 0;
  }

  private void open() {
    String rest = regex.substring(at, Math.min(regex.length(), at + 200));
    Matcher flags = FLAGS.matcher(rest);
    if (flags.lookingAt()) {
      flags(flags.group(1), flags.group(2).equals(")"));
      return;
    }
    String opening = "(";
    String translated = "(";
    if (rest.startsWith("(?P<")) {
      int end = rest.indexOf('>');
      if (end < 0 || !rest.substring(4, end).matches("[\\p{L}_][\\p{L}\\p{Nd}_]*")) {
        throw refused("a group has no name");
      }
      opening = rest.substring(0, end + 1); // nothing can refer to it
      if (!names.add(opening)) {
        throw refused("two groups are called '%s'", rest.substring(4, end));
      }
    } else if (rest.startsWith("(?")) {
      for (String known : new String[] {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", ""}) {
        if (rest.startsWith(known)) {
          opening = known;
          translated = known;
          break;
        }
      }
      if (opening.isEmpty()) {
        throw refused("a group begins with '%.4s', which is not supported", rest);
      }
    }
    at += opening.length();
    java.append(translated).append(STEP);
    push();
  }

  private void push() {
    groups.push(new Group());
    if (groups.size() > MAX_NESTING) {
      throw refused("groups nest more than %d deep", MAX_NESTING - 1);
    }
  }

  private void flags(String flags, boolean global) {
    if (global && at > 0) {
      throw refused("flags stand behind the start");
    }
    boolean known = global ? flags.matches("[isu]+") : flags.matches("[iu]+");
    if (!known) {
      throw refused("flag '%s' is not supported", flags);
    }
    at += flags.length() + 3;
    String translated = flags.contains("i") ? "(?iu" : "(?u";
    java.append(translated).append(global ? ")" : ":" + STEP);
    if (global) {
      dotMatchesAll = flags.contains("s");
    } else {
      push();
    }
  }

  private void close() {
    java.append(take(")"));
    Group closed = groups.pop();
    if (groups.isEmpty()) {
      throw refused("a group is closed that is not open");
    }
    grow(closed.depth() + 1);
  }

  private void repeat(char sign) {
    Group group = groups.element();
    if (group.atom == 0) {
      throw refused("'%s' repeats nothing", sign);
    }
    java.append(take(String.valueOf(sign)));
    if (group.atom > 1 && sign != '?') {
      times(REPETITIONS);
    }
    modifier();
  }

  /** Lazy or possessive. */
  private void modifier() {
    if (peek() == '?' || peek() == '+') {
      java.append(take(String.valueOf(peek())));
    }
  }

  private void times(long repetitions) {
    Group group = groups.element();
    group.present -= group.atom;
    grow(Math.min(MAX_DEPTH + 1, Math.multiplyExact(group.atom, repetitions)));
  }

  /** {@code {3}}, {@code {3,}}, {@code {,3}}, {@code {3,4}}; anything else is the brace itself. */
  private void count() {
    Matcher count = COUNT.matcher(regex).region(at, regex.length());
    if (!count.lookingAt() || count.group().equals("{}")) {
      atom(take("\\{"));
      return;
    }
    if (groups.element().atom == 0) {
      throw refused("'%s' repeats nothing", count.group());
    }
    at = count.end();
    String least = count.group(1).isEmpty() ? "0" : count.group(1);
    java.append('{').append(least).append(count.group(2)).append(count.group(3)).append('}');
    long most = Math.max(number(least), number(count.group(3)));
    boolean endless = !count.group(2).isEmpty() && count.group(3).isEmpty();
    long times = endless && groups.element().atom > 1 ? Math.max(most, REPETITIONS) : most;
    times(Math.max(1, times));
    modifier();
  }

  private long number(String digits) {
    if (digits.length() > 4) {
      throw refused("it repeats %.20s times", digits);
    }
    return digits.isEmpty() ? 0 : Long.parseLong(digits);
  }

  /** A class without {@link #END}; what only Java reads inside a class is escaped. */
  private String characterClass() {
    StringBuilder result = new StringBuilder("[[");
    at++;
    if (peek() == '^') {
      result.append(take("^"));
    }
    int first = at;
    while (peek() != ']' || at == first) {
      char c = peek();
      if (at >= regex.length()) {
        throw refused("a character class is not closed");
      }
      switch (c) {
        case '\\' -> result.append(escape(true));
        case '[', ']', '&', '^' -> result.append(take("\\" + c));
        case END -> throw refused("it holds the character U+FFFF");
        default -> result.append(take(String.valueOf(c)));
      }
    }
    at++;
    return result.append(']').append(NOT_END).toString();
  }

  private char peek() {
    return at < regex.length() ? regex.charAt(at) : '\0';
  }

  private String escape(boolean inClass) {
    at++;
    if (at >= regex.length()) {
      throw refused("it ends in a backslash");
    }
    char c = regex.charAt(at);
    Matcher hex = HEX.matcher(regex).region(at, regex.length());
    if (hex.lookingAt()) {
      if (hex.group().equalsIgnoreCase("uFFFF")) {
        throw refused("it holds the character U+FFFF");
      }
      at = hex.end();
      return "\\" + hex.group();
    }
    String translated =
        switch (c) {
          case 'd', 'w', 's', 'a', 'f', 'n', 'r', 't' -> "\\" + c;
          case 'D', 'W', 'S' -> inClass ? "\\" + c : "[\\" + c + NOT_END;
          case 'v' -> "\\x0B"; // Java's \v is a class
          case 'b' -> inClass ? "\\x08" : "\\b";
          case 'B' -> inClass ? "" : "\\B";
          case 'A' -> inClass ? "" : "\\A";
          case 'Z' -> inClass ? "" : "(?=" + END + ")";
          default -> isPlain(c) ? "\\" + c : "";
        };
    if (translated.isEmpty()) {
      throw refused("'\\%s' is not supported", c);
    }
    return take(translated);
  }

  private static boolean isPlain(char c) {
    boolean letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return !letter && !(c >= '0' && c <= '9') && c != END;
  }

  private static IllegalArgumentException refused(String format, Object... arguments) {
    return new IllegalArgumentException(format.formatted(arguments));
  }
}
