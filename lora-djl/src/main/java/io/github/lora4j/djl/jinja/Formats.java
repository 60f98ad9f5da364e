package io.github.lora4j.djl.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers and texts in a given form. */
final class Formats {

  private static final Pattern PERCENT =
      Pattern.compile("%(?:\\((\\w+)\\))?([-+ 0#]*+)(\\d*+)(?:\\.(\\d++))?+([a-zA-Z%])");
  private static final Pattern BRACES = Pattern.compile("\\{\\{|\\}\\}|\\{(\\w*)\\}|[{}]");
  private static final Pattern WHOLE =
      Pattern.compile("[-+]?\\d+(?:_\\d+)*", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern FRACTION =
      Pattern.compile("[-+]?(?:\\d++(?:\\.\\d*+)?+|\\.\\d++)(?:[eE][-+]?\\d++)?+");
  private static final int LONGEST_NUMBER = 1000; // characters

  private Formats() {}

  /** {@code text % values}. */
  static String percent(Run run, String text, Object values) {
    List<Object> given =
        values instanceof Tuple tuple ? tuple.items() : new ArrayList<>(List.of(values));
    Matcher matcher = PERCENT.matcher(text);
    StringBuilder result = new StringBuilder();
    int at = 0;
    int next = 0;
    while (matcher.find()) {
      plain(text.substring(at, matcher.start()), result);
      at = matcher.end();
      if (matcher.group(5).equals("%")) {
        result.append('%');
        continue;
      }
      Object value;
      if (matcher.group(1) != null) {
        value = Members.item(Values.map(values), matcher.group(1));
      } else if (next < given.size()) {
        value = given.get(next++);
      } else {
        throw new JinjaException(quoted(text) + " wants more values");
      }
      String piece = one(run, matcher, value);
      run.charge(piece.length());
      result.append(piece);
    }
    plain(text.substring(at), result);
    if (next < given.size() && !(values instanceof Map)) {
      throw new JinjaException(quoted(text) + " wants fewer values");
    }
    return result.toString();
  }

  private static String quoted(String text) {
    return text.length() <= 100 ? "'" + text + "'" : "'" + text.substring(0, 100) + "…'";
  }

  private static void plain(String text, StringBuilder result) {
    if (text.indexOf('%') >= 0) {
      throw new JinjaException(quoted(text) + " has a '%' that formats nothing");
    }
    result.append(text);
  }

  private static String one(Run run, Matcher form, Object value) {
    char kind = form.group(5).charAt(0);
    String precision = form.group(4) == null ? "" : form.group(4);
    String text;
    switch (kind) {
      case 's', 'r' -> {
        text = kind == 's' ? PythonText.str(value) : PythonText.repr(value);
        if (!precision.isEmpty()) {
          text = text.substring(0, Math.min(text.length(), size(run, precision)));
        }
      }
      case 'd', 'i', 'x', 'X', 'o' -> {
        Object found = whole(numeric(value), None.NONE, 10L);
        if (found == None.NONE) {
          throw new JinjaException("'" + PythonText.str(value) + "' is no whole number");
        }
        BigInteger number = Numbers.whole(found);
        text = number.toString(kind == 'd' || kind == 'i' ? 10 : kind == 'o' ? 8 : 16);
        text = kind == 'X' ? text.toUpperCase(Locale.ROOT) : text;
      }
      case 'f', 'F' -> {
        double number = Numbers.fraction(numeric(value));
        int digits = precision.isEmpty() ? 6 : size(run, precision);
        text = fixed(number, digits);
      }
      default -> throw new JinjaException("'%" + kind + "' formats nothing here");
    }
    String flags = form.group(2);
    if (kind != 's' && kind != 'r' && flags.contains("+") && !text.startsWith("-")) {
      text = "+" + text;
    }
    int width = form.group(3).isEmpty() ? 0 : size(run, form.group(3));
    if (flags.contains("-")) {
      return fill(run, text, 0, width, " ");
    }
    boolean zeros = flags.contains("0") && kind != 's' && kind != 'r';
    return zeros ? zeros(run, text, width) : fill(run, text, width, 0, " ");
  }

  private static String fixed(double number, int digits) {
    if (Double.isNaN(number) || Double.isInfinite(number)) {
      return PythonText.number(number);
    }
    if (digits > LONGEST_NUMBER) {
      throw new JinjaException("a number is written with " + digits + " digits");
    }
    return new BigDecimal(number).setScale(digits, RoundingMode.HALF_EVEN).toPlainString();
  }

  private static Object numeric(Object value) {
    Operators.defined(value);
    if (!Numbers.isNumber(value)) {
      throw new JinjaException("a number is wanted, got a " + Values.type(value));
    }
    return value;
  }

  private static int size(Run run, String digits) {
    int size = digits.length() > 8 ? Integer.MAX_VALUE : Integer.parseInt(digits);
    run.charge(size);
    return size;
  }

  private static String fill(Run run, String text, int before, int after, String with) {
    int length = text.codePointCount(0, text.length());
    int start = Math.max(0, before - length);
    int end = Math.max(0, after - length);
    run.charge((long) start + end);
    return with.repeat(start) + text + with.repeat(end);
  }

  private static String zeros(Run run, String text, int width) {
    boolean signed = text.startsWith("-") || text.startsWith("+");
    String sign = signed ? text.substring(0, 1) : "";
    return sign + fill(run, text.substring(sign.length()), width - sign.length(), 0, "0");
  }

  static Object pad(String name, Run run, String text, Arguments given) {
    Arguments arguments = given.expect(name, "width", "fillchar");
    int width = Values.whole(arguments.get("width"));
    String with = Values.text(arguments.get("fillchar", " "));
    if (with.codePointCount(0, with.length()) != 1) {
      throw new JinjaException("one character fills a text, got '" + with + "'");
    }
    int length = text.codePointCount(0, text.length());
    int missing = Math.max(0, width - length);
    run.charge(missing);
    return switch (name) {
      case "zfill" -> zeros(run, text, width);
      case "ljust" -> fill(run, text, 0, width, with);
      case "rjust" -> fill(run, text, width, 0, with);
      default -> {
        int left = missing / 2 + (missing & width & 1); // as CPython does
        yield with.repeat(left) + text + with.repeat(missing - left);
      }
    };
  }

  /** {@code text.format(...)}, places without a form only. */
  static Object braces(Run run, String text, Arguments given) {
    Matcher matcher = BRACES.matcher(text);
    StringBuilder result = new StringBuilder();
    int at = 0;
    int next = 0;
    while (matcher.find()) {
      result.append(text, at, matcher.start());
      at = matcher.end();
      String place = matcher.group(1);
      if (place == null) {
        if (matcher.group().length() == 1) {
          throw new JinjaException(
              "format takes places like {}, {0} and {name}; got " + quoted(text));
        }
        result.append(matcher.group().charAt(0));
        continue;
      }
      boolean number = place.chars().allMatch(c -> c >= '0' && c <= '9');
      Object value;
      if (number) {
        int index = place.isEmpty() ? next++ : Values.whole(whole(place, -1L, 10L));
        if (index >= given.positional().size()) {
          throw new JinjaException(quoted(text) + " wants more values");
        }
        value = given.positional().get(index);
      } else {
        value = given.get(place);
      }
      String piece = PythonText.str(value);
      run.charge(piece.length());
      result.append(piece);
    }
    return result.append(text.substring(at)).toString();
  }

  static Object indent(Run run, String text, Arguments arguments) {
    Object width = arguments.get("width", 4L);
    boolean first = Values.isTrue(arguments.get("first", false));
    boolean blank = Values.isTrue(arguments.get("blank", false));
    int spaces = Values.isText(width) ? 0 : Math.max(0, Values.whole(width));
    run.charge(spaces);
    String indent = Values.isText(width) ? Values.text(width) : " ".repeat(spaces);
    StringBuilder result = new StringBuilder();
    List<Object> lines = Values.items(TextParts.lines(text + "\n", Arguments.NONE));
    run.charge((long) lines.size() * indent.length());
    for (int i = 0; i < lines.size(); i++) {
      String line = Values.text(lines.get(i));
      boolean indented = i == 0 ? first : blank || !line.isEmpty();
      result.append(i > 0 ? "\n" : "").append(indented ? indent : "").append(line);
    }
    return result.toString();
  }

  static Object whole(Object value, Object otherwise, Object base) {
    if (value instanceof Double number) {
      return Double.isNaN(number) || Double.isInfinite(number)
          ? otherwise
          : Values.of(new BigDecimal(number).toBigInteger());
    }
    if (Numbers.isNumber(value)) {
      return Values.of(Numbers.whole(value));
    }
    if (!Values.isText(value)) {
      return otherwise;
    }
    String text = PythonText.strip(Values.text(value));
    int radix = Values.whole(base);
    if (radix == 10 && text.length() < LONGEST_NUMBER && WHOLE.matcher(text).matches()) {
      return Values.of(new BigInteger(text.replace("_", "").replace("+", "")));
    }
    if (radix != 10) {
      if (text.length() >= LONGEST_NUMBER) {
        throw new JinjaException("a number has " + text.length() + " digits");
      }
      try {
        return Values.of(new BigInteger(text.replaceFirst("^0[xXbBoO]", ""), radix));
      } catch (NumberFormatException e) {
        return otherwise; // what the filter's argument is for
      }
    }
    Object fraction = fraction(text, None.NONE);
    return fraction == None.NONE ? otherwise : whole(fraction, otherwise, base);
  }

  static Object fraction(Object value, Object otherwise) {
    if (Numbers.isNumber(value)) {
      return Numbers.fraction(value);
    }
    String text = Values.isText(value) ? PythonText.strip(Values.text(value)) : "";
    if (!FRACTION.matcher(text).matches()) {
      return otherwise;
    }
    return Double.parseDouble(text);
  }

  static Object round(Object value, Arguments arguments) {
    String method = PythonText.str(arguments.get("method", "common"));
    int precision = Values.whole(arguments.get("precision", 0L));
    RoundingMode mode =
        switch (method) {
          case "common" -> RoundingMode.HALF_EVEN;
          case "ceil" -> RoundingMode.CEILING;
          case "floor" -> RoundingMode.FLOOR;
          default -> throw new JinjaException("there is no rounding '" + method + "'");
        };
    Object number = numeric(value);
    if (Math.abs(precision) > 300) {
      throw new JinjaException("a number has no " + precision + " digits");
    }
    if (!(number instanceof Double) && method.equals("common")) {
      return number; // Python rounds a whole number to a whole one
    }
    double fraction = Numbers.fraction(number);
    if (Double.isNaN(fraction) || Double.isInfinite(fraction)) {
      return fraction;
    }
    BigDecimal exact = new BigDecimal(fraction);
    return exact.setScale(precision, mode).doubleValue();
  }
}
