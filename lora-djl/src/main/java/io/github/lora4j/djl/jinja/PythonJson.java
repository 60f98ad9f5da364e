package io.github.lora4j.djl.jinja;

import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** JSON as Python's {@code json.dumps} writes it. */
final class PythonJson {

  private static final String[] PARAMETERS = {"ensure_ascii", "indent", "separators", "sort_keys"};

  private final StringBuilder out = new StringBuilder();
  private final Run run;
  private final boolean ascii;
  private final boolean sorted;
  private final boolean lines;
  private final String indent;
  private final String comma;
  private final String colon;

  private PythonJson(Run run, Arguments given) {
    Arguments arguments = given.expect("tojson", PARAMETERS);
    Object width = arguments.get("indent", None.NONE);
    Object separators = arguments.get("separators", None.NONE);
    this.run = run;
    this.ascii = Values.isTrue(arguments.get("ensure_ascii", false));
    this.sorted = Values.isTrue(arguments.get("sort_keys", false));
    this.lines = width != None.NONE;
    if (Values.isText(width)) {
      this.indent = Values.text(width);
    } else {
      int spaces = lines ? Math.max(0, Values.whole(width)) : 0;
      run.charge(spaces);
      this.indent = " ".repeat(spaces);
    }
    if (separators == None.NONE) {
      this.comma = lines ? "," : ", ";
      this.colon = ": ";
    } else {
      List<Object> two = Values.items(separators);
      if (two.size() != 2) {
        throw new JinjaException("separators are two texts, got " + two.size());
      }
      this.comma = Values.text(two.get(0));
      this.colon = Values.text(two.get(1));
    }
  }

  static String write(Run run, Object value, Arguments arguments) {
    PythonJson json = new PythonJson(run, arguments);
    json.value(value, 1);
    return json.out.toString();
  }

  private void value(Object value, int depth) {
    run.charge(1);
    if (Values.isText(value)) {
      text(Values.text(value));
    } else if (value instanceof Map<?, ?> map) {
      mapping(map, depth);
    } else if (Members.isSequence(value)) {
      sequence(Values.items(value), depth);
    } else {
      out.append(single(value));
    }
  }

  private static String single(Object value) {
    if (value == None.NONE) {
      return "null";
    }
    if (value instanceof Boolean || value instanceof Long || value instanceof BigInteger) {
      return value.toString();
    }
    if (value instanceof Double number) {
      if (Double.isNaN(number)) {
        return "NaN";
      }
      if (Double.isInfinite(number)) {
        return number > 0 ? "Infinity" : "-Infinity";
      }
      return PythonText.number(number);
    }
    throw value instanceof Undefined undefined
        ? undefined.refused()
        : new JinjaException("a " + Values.type(value) + " is no JSON");
  }

  private void line(int depth) {
    if (lines) {
      run.charge((long) indent.length() * depth + 1);
      out.append('\n').append(indent.repeat(depth));
    }
  }

  private void sequence(List<Object> items, int depth) {
    out.append('[');
    for (int i = 0; i < items.size(); i++) {
      out.append(i > 0 ? comma : "");
      line(depth);
      value(items.get(i), depth + 1);
    }
    if (!items.isEmpty()) {
      line(depth - 1);
    }
    out.append(']');
  }

  private void mapping(Map<?, ?> map, int depth) {
    Map<?, ?> entries = sorted ? sorted(map) : map;
    out.append('{');
    String before = "";
    for (Map.Entry<?, ?> entry : entries.entrySet()) {
      out.append(before);
      line(depth);
      text(key(entry.getKey()));
      out.append(colon);
      value(entry.getValue(), depth + 1);
      before = comma;
    }
    if (!entries.isEmpty()) {
      line(depth - 1);
    }
    out.append('}');
  }

  private static Map<Object, Object> sorted(Map<?, ?> map) {
    Map<Object, Object> sorted = new TreeMap<>((a, b) -> Operators.order("<", a, b));
    sorted.putAll(map);
    return sorted;
  }

  private static String key(Object key) {
    return Values.isText(key) ? Values.text(key) : single(key);
  }

  private void text(String text) {
    run.charge(text.length());
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\f' -> out.append("\\f");
        case '\b' -> out.append("\\b");
        default -> {
          if (c < 0x20 || (ascii && c > 0x7f)) {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
