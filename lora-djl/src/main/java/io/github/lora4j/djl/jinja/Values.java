package io.github.lora4j.djl.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The kinds of values of a template, and how Java's become them. */
final class Values {

  private static final int DEEPEST = 100;

  private Values() {}

  /** A copy that shares nothing with the caller: texts, numbers, truth values, lists, maps. */
  static Object of(@Nullable Object value) {
    return of(value, 0);
  }

  private static Object of(@Nullable Object value, int depth) {
    if (depth > DEEPEST) {
      throw new IllegalArgumentException("values for a template nest more than 100 deep");
    }
    if (value == null) {
      return None.NONE;
    }
    if (value instanceof String || value instanceof Boolean || value instanceof None) {
      return value;
    }
    if (value instanceof Number number) {
      return number(number);
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, Object> copy = new LinkedHashMap<>();
      map.forEach((key, item) -> copy.put(of(key, depth + 1), of(item, depth + 1)));
      return copy;
    }
    if (value instanceof Collection<?> items) {
      List<Object> copy = new ArrayList<>();
      items.forEach(item -> copy.add(of(item, depth + 1)));
      return copy;
    }
    throw new IllegalArgumentException(
        "a template takes texts, numbers, truth values, lists and maps, got a "
            + value.getClass().getName());
  }

  /** Characters and items of a value. */
  static long size(Object value) {
    if (value instanceof String text) {
      return text.length();
    }
    if (value instanceof List<?> list) {
      return 1 + list.stream().mapToLong(Values::size).sum();
    }
    if (value instanceof Map<?, ?> map) {
      return 1
          + map.entrySet().stream().mapToLong(e -> size(e.getKey()) + size(e.getValue())).sum();
    }
    return 1;
  }

  private static Object number(Number number) {
    if (number instanceof Double || number instanceof Float || number instanceof BigDecimal) {
      return number.doubleValue();
    }
    if (number instanceof BigInteger big) {
      return big.bitLength() < 64 ? (Object) big.longValue() : big;
    }
    return number.longValue();
  }

  static String type(Object value) {
    if (isText(value)) {
      return "text";
    }
    if (value instanceof Boolean) {
      return "truth value";
    }
    if (value instanceof Number) {
      return "number";
    }
    if (value instanceof List || value instanceof Tuple) {
      return "list";
    }
    if (value instanceof Map) {
      return "mapping";
    }
    if (value instanceof Function) {
      return "function";
    }
    if (value instanceof Namespace) {
      return "namespace";
    }
    if (value instanceof Lazy) {
      return "generator";
    }
    return value == None.NONE ? "none" : value instanceof Undefined ? "undefined" : "loop";
  }

  static boolean isText(Object value) {
    return value instanceof String || value instanceof Markup;
  }

  static boolean isTrue(Object value) {
    if (value instanceof Boolean flag) {
      return flag;
    }
    if (isText(value)) {
      return !PythonText.str(value).isEmpty();
    }
    if (value instanceof Double number) {
      return number != 0;
    }
    if (value instanceof Number number) {
      return !number.toString().equals("0");
    }
    if (value instanceof List<?> list) {
      return !list.isEmpty();
    }
    if (value instanceof Map<?, ?> map) {
      return !map.isEmpty();
    }
    if (value instanceof Tuple tuple) {
      return !tuple.items().isEmpty();
    }
    if (value instanceof Lazy lazy) {
      return lazy.isTrue();
    }
    return value != None.NONE && !(value instanceof Undefined);
  }

  /** What a loop goes through. */
  static List<Object> items(Object value) {
    if (isText(value)) {
      return PythonText.characters(PythonText.str(value));
    }
    if (value instanceof List<?> list) {
      return cast(list);
    }
    if (value instanceof Tuple tuple) {
      return tuple.items();
    }
    if (value instanceof Map<?, ?> map) {
      Work.pay(map.size());
      return new ArrayList<>(map.keySet());
    }
    if (value instanceof Lazy lazy) {
      return lazy.take();
    }
    if (value instanceof Undefined) {
      return List.of();
    }
    throw new JinjaException("a " + type(value) + " has no items to go through");
  }

  @SuppressWarnings("unchecked") // lists of a template hold values only
  private static List<Object> cast(List<?> list) {
    return (List<Object>) list;
  }

  @SuppressWarnings("unchecked") // maps of a template hold values only
  static Map<Object, Object> map(Object value) {
    if (value instanceof Map<?, ?> map) {
      return (Map<Object, Object>) map;
    }
    throw new JinjaException("wanted a mapping, got a " + type(value));
  }

  static long length(Object value) {
    if (isText(value)) {
      String text = PythonText.str(value);
      Work.scan(text.length());
      return text.codePointCount(0, text.length());
    }
    if (value instanceof Map<?, ?> map) {
      return map.size();
    }
    if (value instanceof List || value instanceof Tuple || value instanceof Undefined) {
      return items(value).size();
    }
    if (value instanceof Lazy lazy) {
      return lazy.length();
    }
    throw new JinjaException("a " + type(value) + " has no length");
  }

  static String text(Object value) {
    if (isText(value)) {
      return PythonText.str(value);
    }
    throw value instanceof Undefined undefined
        ? undefined.refused()
        : new JinjaException("wanted a text, got a " + type(value));
  }

  static int whole(Object value) {
    if (value instanceof Boolean flag) {
      return flag ? 1 : 0;
    }
    if (value instanceof Long number) {
      return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, number));
    }
    throw value instanceof Undefined undefined
        ? undefined.refused()
        : new JinjaException("wanted a whole number, got a " + type(value));
  }

  /** Python's {@code ==}. */
  static boolean same(Object left, Object right) {
    Work.pay(1);
    if (isText(left) && isText(right)) {
      Work.scan(Math.min(PythonText.str(left).length(), PythonText.str(right).length()));
      return PythonText.str(left).equals(PythonText.str(right));
    }
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return Numbers.compare(left, right) == 0;
    }
    if (left instanceof List<?> a && right instanceof List<?> b) {
      return sameItems(a, b);
    }
    if (left instanceof Tuple a && right instanceof Tuple b) {
      return sameItems(a.items(), b.items());
    }
    if (left instanceof Map<?, ?> a && right instanceof Map<?, ?> b) {
      return a.size() == b.size()
          && a.entrySet().stream()
              .allMatch(
                  entry -> {
                    Work.hash(entry.getKey());
                    Object other = b.get(entry.getKey());
                    return other != null && same(entry.getValue(), other);
                  });
    }
    return Objects.equals(left, right);
  }

  private static boolean sameItems(List<?> a, List<?> b) {
    if (a.size() != b.size()) {
      return false;
    }
    for (int i = 0; i < a.size(); i++) {
      if (!same(a.get(i), b.get(i))) {
        return false;
      }
    }
    return true;
  }
}
