package io.github.lora4j.djl.jinja;

/** Strings as they are written in a template. */
final class StringEscapes {

  private StringEscapes() {}

  /** The text of a string with its quotes; unknown escapes stay as they are, as in Python. */
  static String read(String quoted) {
    String inner = quoted.substring(1, quoted.length() - 1);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < inner.length(); i++) {
      char c = inner.charAt(i);
      if (c != '\\' || i + 1 == inner.length()) {
        text.append(c);
        continue;
      }
      char kind = inner.charAt(++i);
      int digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
      if (digits > 0) {
        text.appendCodePoint(hexadecimal(inner, i + 1, digits));
        i += digits;
      } else if (kind >= '0' && kind <= '7') {
        int end = i + 1;
        while (end < Math.min(i + 3, inner.length())
            && "01234567".indexOf(inner.charAt(end)) >= 0) {
          end++;
        }
        text.append((char) Integer.parseInt(inner.substring(i, end), 8));
        i = end - 1;
      } else {
        text.append(single(kind));
      }
    }
    return text.toString();
  }

  private static int hexadecimal(String text, int from, int digits) {
    String code = text.substring(from, Math.min(text.length(), from + digits));
    if (code.length() < digits || !code.chars().allMatch(c -> Character.digit(c, 16) >= 0)) {
      throw new JinjaException("'\\%s%s' is no character".formatted(text.charAt(from - 1), code));
    }
    long value = Long.parseLong(code, 16);
    if (value > Character.MAX_CODE_POINT) {
      throw new JinjaException("'\\U%s' is no character".formatted(code));
    }
    return (int) value;
  }

  private static String single(char kind) {
    return switch (kind) {
      case '\n' -> "";
      case '\\', '\'', '"' -> String.valueOf(kind);
      case 'a' -> "\u0007";
      case 'b' -> "\b";
      case 'f' -> "\f";
      case 'n' -> "\n";
      case 'r' -> "\r";
      case 't' -> "\t";
      case 'v' -> "\u000b";
      default -> "\\" + kind;
    };
  }
}
