package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.List;

/** Methods of Python's {@code str} that look for a part of the text, or cut it. */
final class TextParts {

  private TextParts() {}

  static Object split(String text, Arguments given, boolean fromEnd) {
    Arguments arguments = given.expect("split", "sep", "maxsplit");
    Object separator = arguments.get("sep", None.NONE);
    int most = Values.whole(arguments.get("maxsplit", -1L));
    int limit = most < 0 ? Integer.MAX_VALUE : most;
    if (separator == None.NONE) {
      return fromEnd && limit < Integer.MAX_VALUE
          ? lastWords(text, limit)
          : TextMethods.words(text, limit);
    }
    String between = Values.text(separator);
    if (between.isEmpty()) {
      throw new JinjaException("a text cannot be split at nothing");
    }
    Work.search(text.length(), between.length());
    return fromEnd ? splitFromEnd(text, between, limit) : splitFromStart(text, between, limit);
  }

  private static List<Object> splitFromStart(String text, String between, int most) {
    List<Object> parts = new ArrayList<>();
    int start = 0;
    for (int at = text.indexOf(between); at >= 0 && parts.size() < most; ) {
      Work.make(1);
      parts.add(text.substring(start, at));
      start = at + between.length();
      at = text.indexOf(between, start);
    }
    parts.add(text.substring(start));
    return parts;
  }

  private static List<Object> splitFromEnd(String text, String between, int most) {
    List<Object> parts = new ArrayList<>();
    int end = text.length();
    for (int at = text.lastIndexOf(between); at >= 0 && parts.size() < most; ) {
      Work.make(1);
      parts.add(text.substring(at + between.length(), end));
      end = at;
      at = end < between.length() ? -1 : text.lastIndexOf(between, end - between.length());
    }
    parts.add(text.substring(0, end));
    return Members.reversed(parts);
  }

  private static List<Object> lastWords(String text, int most) {
    List<Object> words = TextMethods.words(text, Integer.MAX_VALUE);
    if (words.size() <= most + 1) {
      return words;
    }
    List<Object> last = new ArrayList<>();
    int end = spaceBefore(text, text.length());
    for (int i = 0; i < most; i++) {
      String word = Values.text(words.get(words.size() - 1 - i));
      last.add(word);
      end = spaceBefore(text, end - word.length());
    }
    last.add(text.substring(0, end));
    return Members.reversed(last);
  }

  /** Where white space begins that ends at a place. */
  private static int spaceBefore(String text, int end) {
    int start = end;
    while (start > 0 && PythonText.isSpace(text.charAt(start - 1))) {
      start--;
    }
    return start;
  }

  static Object lines(String text, Arguments arguments) {
    boolean keep = Values.isTrue(arguments.get("keepends", false));
    List<Object> lines = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      if ("\n\r\u000b\f\u001c\u001d\u001e\u0085\u2028\u2029".indexOf(text.charAt(i)) < 0) {
        continue;
      }
      Work.make(1);
      int end = text.startsWith("\r\n", i) ? i + 2 : i + 1;
      lines.add(text.substring(start, keep ? end : i));
      start = end;
      i = end - 1;
    }
    if (start < text.length()) {
      lines.add(text.substring(start));
    }
    return lines;
  }

  static Object partition(String text, String at, boolean last) {
    if (at.isEmpty()) {
      throw new JinjaException("a text cannot be parted at nothing");
    }
    Work.search(text.length(), at.length());
    int found = last ? text.lastIndexOf(at) : text.indexOf(at);
    if (found < 0) {
      return last ? Tuple.of("", "", text) : Tuple.of(text, "", "");
    }
    return Tuple.of(text.substring(0, found), at, text.substring(found + at.length()));
  }

  static Object begins(String text, Arguments arguments, boolean start) {
    Object wanted = arguments.get("prefix");
    Object from = arguments.get("start", None.NONE);
    Object to = arguments.get("end", None.NONE);
    String part = within(text, from, to);
    List<Object> any = wanted instanceof Tuple tuple ? tuple.items() : List.of(wanted);
    for (Object one : any) {
      String piece = Values.text(one);
      Work.scan(piece.length());
      if (start ? part.startsWith(piece) : part.endsWith(piece)) {
        return true;
      }
    }
    return false;
  }

  private static String within(String text, Object from, Object to) {
    int size = text.codePointCount(0, text.length());
    int start = place(from, 0, size);
    int end = Math.max(start, place(to, size, size));
    return text.substring(text.offsetByCodePoints(0, start), text.offsetByCodePoints(0, end));
  }

  private static int place(Object given, int otherwise, int size) {
    int index = given == None.NONE ? otherwise : Values.whole(given);
    return Math.max(0, Math.min(size, index < 0 ? index + size : index));
  }

  static int count(String text, String part) {
    Work.search(text.length(), part.length());
    if (part.isEmpty()) {
      return text.codePointCount(0, text.length()) + 1;
    }
    int count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      count++;
    }
    return count;
  }

  static Object replace(Run run, String text, Arguments arguments) {
    String old = Values.text(arguments.get("old"));
    String fresh = Values.text(arguments.get("new"));
    int most = Values.whole(arguments.get("count", -1L));
    int times = count(text, old);
    int limit = most < 0 ? times : Math.min(times, most);
    run.charge((long) limit * fresh.length());
    StringBuilder replaced = new StringBuilder();
    int at = 0;
    for (int i = 0; i < limit; i++) {
      int found = text.indexOf(old, at);
      replaced.append(text, at, found).append(fresh);
      at = found + old.length();
      if (old.isEmpty() && at < text.length()) { // between all characters
        int next = at + Character.charCount(text.codePointAt(at));
        replaced.append(text, at, next);
        at = next;
      }
    }
    return replaced.append(text, at, text.length()).toString();
  }

  static Object find(String name, String text, Arguments given) {
    Arguments arguments = given.expect(name, "sub", "start", "end");
    String part = Values.text(arguments.get("sub"));
    Work.search(text.length(), part.length());
    int size = text.codePointCount(0, text.length());
    int start = place(arguments.get("start", None.NONE), 0, size);
    String range = within(text, (long) start, arguments.get("end", None.NONE));
    int at = name.startsWith("r") ? range.lastIndexOf(part) : range.indexOf(part);
    if (at < 0 && name.endsWith("index")) {
      throw new JinjaException("the text does not contain '" + part + "'");
    }
    return at < 0 ? -1L : (long) start + range.codePointCount(0, at);
  }
}
