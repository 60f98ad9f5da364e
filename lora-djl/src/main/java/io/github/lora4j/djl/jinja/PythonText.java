package io.github.lora4j.djl.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** How Python writes values as text. */
final class PythonText {

  /** What Python holds for white space, as the inside of a character class. */
  static final String SPACES =
      "\\x09-\\x0d\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";

  private static final String SPACE_CHARACTERS = spaceCharacters();

  private PythonText() {}

  private static String spaceCharacters() {
    StringBuilder all = new StringBuilder();
    for (char c = 0; c < 0x3001; c++) {
      boolean ascii = (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20);
      boolean quad = c >= 0x2000 && c <= 0x200a;
      if (ascii || quad || "\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000".indexOf(c) >= 0) {
        all.append(c);
      }
    }
    return all.toString();
  }

  static boolean isSpace(int c) {
    return SPACE_CHARACTERS.indexOf(c) >= 0;
  }

  static boolean isBlank(String text) {
    return !text.isEmpty() && text.chars().allMatch(PythonText::isSpace);
  }

  static String stripEnd(String text) {
    return strip(text, SPACE_CHARACTERS, false, true);
  }

  static String stripStart(String text) {
    return strip(text, SPACE_CHARACTERS, true, false);
  }

  static String strip(String text) {
    return strip(text, SPACE_CHARACTERS, true, true);
  }

  static String strip(String text, String characters, boolean start, boolean end) {
    Work.pay((long) text.length() * characters.length() / 64);
    int from = 0;
    int to = text.length();
    while (start && from < to && characters.indexOf(text.codePointAt(from)) >= 0) {
      from += Character.charCount(text.codePointAt(from));
    }
    while (end && to > from && characters.indexOf(text.codePointBefore(to)) >= 0) {
      to -= Character.charCount(text.codePointBefore(to));
    }
    return text.substring(from, to);
  }

  static List<Object> characters(String text) {
    Work.make(text.length());
    List<Object> characters = new ArrayList<>(text.length());
    for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
      characters.add(Character.toString(text.codePointAt(i)));
    }
    return characters;
  }

  /** {@code str(value)}. */
  static String str(Object value) {
    if (value instanceof String text) {
      return text;
    }
    if (value instanceof Markup markup) {
      return markup.text();
    }
    return value instanceof Undefined ? "" : repr(value);
  }

  /** {@code repr(value)}. */
  static String repr(Object value) {
    StringBuilder text = new StringBuilder();
    repr(value, text);
    return text.toString();
  }

  private static void repr(Object value, StringBuilder out) {
    Work.pay(4);
    if (value instanceof String text) {
      Work.pay(text.length());
      quote(text, out);
    } else if (value instanceof List<?> list) {
      sequence('[', list, ']', out);
    } else if (value instanceof Tuple tuple) {
      sequence('(', tuple.items(), tuple.items().size() == 1 ? ",)" : ")", out);
    } else if (value instanceof Map<?, ?> map) {
      out.append('{');
      String comma = "";
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        out.append(comma);
        repr(entry.getKey(), out);
        out.append(": ");
        repr(entry.getValue(), out);
        comma = ", ";
      }
      out.append('}');
    } else {
      out.append(single(value));
    }
  }

  private static String single(Object value) {
    if (value instanceof Boolean flag) {
      return flag ? "True" : "False";
    }
    if (value instanceof Long || value instanceof BigInteger) {
      return value.toString();
    }
    if (value instanceof Double number) {
      return number(number);
    }
    if (value instanceof Markup markup) {
      return "Markup(" + repr(markup.text()) + ")";
    }
    if (value == None.NONE) {
      return "None";
    }
    if (value instanceof Undefined) {
      return "Undefined";
    }
    throw new JinjaException("a " + Values.type(value) + " has no text");
  }

  private static void sequence(char open, List<?> items, Object close, StringBuilder out) {
    out.append(open);
    String comma = "";
    for (Object item : items) {
      out.append(comma);
      repr(item, out);
      comma = ", ";
    }
    out.append(close);
  }

  private static void quote(String text, StringBuilder out) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    out.append(quote);
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      if (c == quote || c == '\\') {
        out.append('\\').appendCodePoint(c);
      } else if (c == '\n') {
        out.append("\\n");
      } else if (c == '\r') {
        out.append("\\r");
      } else if (c == '\t') {
        out.append("\\t");
      } else if (isPrintable(c)) {
        out.appendCodePoint(c);
      } else {
        out.append((c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x").formatted(c));
      }
    }
    out.append(quote);
  }

  private static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }

  /** The shortest digits that mean this number, with an exponent where Python writes one. */
  static String number(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal exact = new BigDecimal(Math.abs(value));
    BigDecimal shortest = exact;
    for (int digits = 1; digits <= 17; digits++) {
      shortest = exact.round(new MathContext(digits));
      if (shortest.doubleValue() == Math.abs(value)) {
        break;
      }
    }
    String digits = shortest.stripTrailingZeros().unscaledValue().toString();
    int exponent = shortest.precision() - shortest.scale() - 1;
    String text;
    if (exponent < -4 || exponent >= 16) {
      String point = digits.length() > 1 ? "." + digits.substring(1) : "";
      text = digits.charAt(0) + point + "e" + "%+03d".formatted(exponent);
    } else {
      text = shortest.stripTrailingZeros().toPlainString();
      text = text.contains(".") ? text : text + ".0";
    }
    return value < 0 ? "-" + text : text;
  }
}
