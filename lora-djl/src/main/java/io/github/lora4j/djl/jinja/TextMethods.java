package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;

/** Methods of Python's {@code str}. */
final class TextMethods {

  static final Set<String> NAMES =
      Set.of(
          "capitalize",
          "casefold",
          "center",
          "count",
          "endswith",
          "find",
          "format",
          "index",
          "isalnum",
          "isalpha",
          "isascii",
          "isdecimal",
          "isdigit",
          "islower",
          "isnumeric",
          "isspace",
          "isupper",
          "join",
          "ljust",
          "lower",
          "lstrip",
          "partition",
          "removeprefix",
          "removesuffix",
          "replace",
          "rfind",
          "rindex",
          "rjust",
          "rpartition",
          "rsplit",
          "rstrip",
          "split",
          "splitlines",
          "startswith",
          "strip",
          "swapcase",
          "title",
          "upper",
          "zfill");

  private TextMethods() {}

  static Object call(String name, Run run, String text, Arguments given) {
    Work.scan(text.length());
    return switch (name) {
      case "upper" -> plain(name, given, text.toUpperCase(Locale.ROOT));
      case "lower" -> plain(name, given, text.toLowerCase(Locale.ROOT));
      case "casefold" -> plain(name, given, text.toUpperCase(Locale.ROOT).toLowerCase(Locale.ROOT));
      case "capitalize" -> plain(name, given, capitalize(text));
      case "title" -> plain(name, given, title(text));
      case "swapcase" -> plain(name, given, swapCase(text));
      case "strip" -> strip(name, text, given, true, true);
      case "lstrip" -> strip(name, text, given, true, false);
      case "rstrip" -> strip(name, text, given, false, true);
      case "split" -> TextParts.split(text, given, false);
      case "rsplit" -> TextParts.split(text, given, true);
      case "splitlines" -> TextParts.lines(text, given.expect(name, "keepends"));
      case "partition" -> TextParts.partition(text, one(name, given), false);
      case "rpartition" -> TextParts.partition(text, one(name, given), true);
      case "startswith" ->
          TextParts.begins(text, given.expect(name, "prefix", "start", "end"), true);
      case "endswith" ->
          TextParts.begins(text, given.expect(name, "prefix", "start", "end"), false);
      case "removeprefix" -> {
        String prefix = one(name, given);
        yield text.startsWith(prefix) ? text.substring(prefix.length()) : text;
      }
      case "removesuffix" -> {
        String suffix = one(name, given);
        yield text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
      }
      case "replace" -> TextParts.replace(run, text, given.expect(name, "old", "new", "count"));
      case "find", "rfind", "index", "rindex" -> TextParts.find(name, text, given);
      case "count" -> (long) TextParts.count(text, one(name, given));
      case "join" -> join(run, text, given.expect(name, "iterable").get("iterable"));
      case "center", "ljust", "rjust", "zfill" -> Formats.pad(name, run, text, given);
      case "format" -> Formats.braces(run, text, given);
      default -> plain(name, given, is(name, text));
    };
  }

  private static Object plain(String name, Arguments given, Object result) {
    given.expect(name);
    return result;
  }

  private static String one(String name, Arguments given) {
    return Values.text(given.expect(name, "text").get("text"));
  }

  private static boolean is(String name, String text) {
    return switch (name) {
      case "isalpha" -> all(text, Character::isLetter);
      case "isalnum" -> all(text, c -> Character.isLetter(c) || isNumeric(c));
      case "isascii" -> text.chars().allMatch(c -> c < 0x80);
      case "isdecimal" -> all(text, c -> Character.getType(c) == Character.DECIMAL_DIGIT_NUMBER);
      case "isdigit" -> all(text, Character::isDigit);
      case "isnumeric" -> all(text, TextMethods::isNumeric);
      case "isspace" -> all(text, PythonText::isSpace);
      case "islower" -> text.equals(text.toLowerCase(Locale.ROOT)) && hasCase(text);
      default -> text.equals(text.toUpperCase(Locale.ROOT)) && hasCase(text);
    };
  }

  private static boolean isNumeric(int c) {
    int type = Character.getType(c);
    return type == Character.DECIMAL_DIGIT_NUMBER
        || type == Character.LETTER_NUMBER
        || type == Character.OTHER_NUMBER;
  }

  private static boolean hasCase(String text) {
    return text.codePoints().anyMatch(c -> Character.isUpperCase(c) || Character.isLowerCase(c));
  }

  private static boolean all(String text, IntPredicate test) {
    return !text.isEmpty() && text.codePoints().allMatch(test);
  }

  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = text.offsetByCodePoints(0, 1);
    return text.substring(0, first).toUpperCase(Locale.ROOT)
        + text.substring(first).toLowerCase(Locale.ROOT);
  }

  private static String title(String text) {
    StringBuilder title = new StringBuilder();
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      String one = Character.toString(c);
      title.append(inWord ? one.toLowerCase(Locale.ROOT) : one.toUpperCase(Locale.ROOT));
      inWord = Character.isLetter(c);
    }
    return title.toString();
  }

  private static String swapCase(String text) {
    StringBuilder swapped = new StringBuilder();
    for (int c : text.codePoints().toArray()) {
      String one = Character.toString(c);
      swapped.append(
          Character.isUpperCase(c) ? one.toLowerCase(Locale.ROOT) : one.toUpperCase(Locale.ROOT));
    }
    return swapped.toString();
  }

  private static Object strip(
      String name, String text, Arguments given, boolean start, boolean end) {
    Object characters = given.expect(name, "chars").get("chars", None.NONE);
    if (characters != None.NONE) {
      return PythonText.strip(text, Values.text(characters), start, end);
    }
    String stripped = end ? PythonText.stripEnd(text) : text;
    return start ? PythonText.stripStart(stripped) : stripped;
  }

  private static Object join(Run run, String between, Object items) {
    Operators.defined(items);
    StringBuilder text = new StringBuilder();
    String before = "";
    for (Object item : Values.items(items)) {
      String piece = Values.text(item);
      run.charge((long) before.length() + piece.length());
      text.append(before).append(piece);
      before = between;
    }
    return text.toString();
  }

  /** Words between white space. */
  static List<Object> words(String text, int most) {
    List<Object> words = new ArrayList<>();
    int at = 0;
    while (true) {
      while (at < text.length() && PythonText.isSpace(text.charAt(at))) {
        at++;
      }
      if (at == text.length()) {
        return words;
      }
      if (words.size() == most) {
        words.add(text.substring(at));
        return words;
      }
      int start = at;
      while (at < text.length() && !PythonText.isSpace(text.charAt(at))) {
        at++;
      }
      Work.make(1);
      words.add(text.substring(start, at));
    }
  }
}
