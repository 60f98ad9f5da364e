package io.github.lora4j;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;

/** Writes JSON as Python's {@code json.dumps(value, indent=2, sort_keys=True)} does. */
final class PythonJson {

  private PythonJson() {}

  static String write(JsonElement value) {
    StringBuilder out = new StringBuilder();
    write(value, "\n", out);
    return out.toString();
  }

  private static void write(JsonElement value, String newline, StringBuilder out) {
    if (value.isJsonObject()) {
      List<String> members = new ArrayList<>();
      new TreeMap<>(value.getAsJsonObject().asMap())
          .forEach(
              (name, member) -> {
                StringBuilder text = new StringBuilder();
                quote(name, text);
                write(member, newline + "  ", text.append(": "));
                members.add(text.toString());
              });
      join("{", members, "}", newline, out);
    } else if (value.isJsonArray()) {
      List<String> items = new ArrayList<>();
      for (JsonElement item : value.getAsJsonArray()) {
        StringBuilder text = new StringBuilder();
        write(item, newline + "  ", text);
        items.add(text.toString());
      }
      join("[", items, "]", newline, out);
    } else if (value instanceof JsonPrimitive primitive && primitive.isString()) {
      quote(primitive.getAsString(), out);
    } else {
      out.append(value); // a number as it was given, true, false, null
    }
  }

  private static void join(
      String open, List<String> items, String close, String newline, StringBuilder out) {
    out.append(open);
    if (!items.isEmpty()) {
      String inner = newline + "  ";
      out.append(inner).append(String.join("," + inner, items)).append(newline);
    }
    out.append(close);
  }

  private static void quote(String text, StringBuilder out) {
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
          if (c < ' ' || c > '~') {
            out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }

  /** A float as Python prints it: {@code 0.05}, {@code 16.0}, {@code 1e-05}. */
  static JsonElement decimal(double value) {
    return JsonParser.parseString(pythonText(value)); // keeps the spelling
  }

  private static String pythonText(double value) {
    BigDecimal shortest = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (value == 0 || (exponent >= -4 && exponent < 16)) {
      String plain = shortest.toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String digits = shortest.unscaledValue().abs().toString();
    String rest = digits.length() == 1 ? "" : "." + digits.substring(1);
    return "%s%s%se%s%02d"
        .formatted(
            value < 0 ? "-" : "",
            digits.charAt(0),
            rest,
            exponent < 0 ? "-" : "+",
            Math.abs(exponent));
  }
}
