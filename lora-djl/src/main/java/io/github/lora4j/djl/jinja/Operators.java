package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What the operators of a template do with values. */
final class Operators {

  private Operators() {}

  static Object calculate(Run run, String operator, Object left, Object right) {
    defined(left);
    if (operator.equals("%") && Values.isText(left)) {
      return Formats.percent(run, Values.text(left), right);
    }
    defined(right);
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return Numbers.calculate(operator, left, right);
    }
    if (operator.equals("+")) {
      return add(run, left, right);
    }
    if (operator.equals("*") && (left instanceof Long || left instanceof Boolean)) {
      return repeat(run, right, Values.whole(left));
    }
    if (operator.equals("*") && (right instanceof Long || right instanceof Boolean)) {
      return repeat(run, left, Values.whole(right));
    }
    throw unsuited(operator, left, right);
  }

  private static JinjaException unsuited(String operator, Object left, Object right) {
    return new JinjaException(
        "'%s' does not work on a %s and a %s"
            .formatted(operator, Values.type(left), Values.type(right)));
  }

  static void defined(Object value) {
    if (value instanceof Undefined undefined) {
      throw undefined.refused();
    }
  }

  private static Object add(Run run, Object left, Object right) {
    if (Values.isText(left) && Values.isText(right)) {
      if (left instanceof Markup || right instanceof Markup) {
        String text = markup(left) + markup(right);
        run.charge(text.length());
        return new Markup(text);
      }
      run.charge((long) Values.text(left).length() + Values.text(right).length());
      return Values.text(left) + Values.text(right);
    }
    if (left instanceof List<?> a && right instanceof List<?> b) {
      return joined(a, b);
    }
    if (left instanceof Tuple a && right instanceof Tuple b) {
      return new Tuple(joined(a.items(), b.items()));
    }
    throw unsuited("+", left, right);
  }

  private static String markup(Object value) {
    return value instanceof Markup markup ? markup.text() : Markup.escape(Values.text(value));
  }

  private static List<Object> joined(List<?> a, List<?> b) {
    Work.make((long) a.size() + b.size());
    List<Object> all = new ArrayList<>(a);
    all.addAll(b);
    return all;
  }

  private static Object repeat(Run run, Object value, int times) {
    int count = Math.max(0, times);
    if (Values.isText(value)) {
      String text = Values.text(value);
      run.charge((long) text.length() * count);
      return text.repeat(count);
    }
    if (value instanceof List<?> list) {
      Work.make((long) list.size() * count);
      List<Object> all = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        all.addAll(list);
      }
      return all;
    }
    throw new JinjaException("'*' does not work on a " + Values.type(value));
  }

  static boolean compare(String operator, Object left, Object right) {
    return switch (operator) {
      case "==" -> Values.same(left, right);
      case "!=" -> !Values.same(left, right);
      case "in" -> contains(right, left);
      case "not in" -> !contains(right, left);
      case "<" -> order(operator, left, right) < 0;
      case "<=" -> order(operator, left, right) <= 0;
      case ">" -> order(operator, left, right) > 0;
      default -> order(operator, left, right) >= 0;
    };
  }

  /** Less than 0 if the left comes first. */
  static int order(String operator, Object left, Object right) {
    Work.pay(1);
    defined(left);
    defined(right);
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return Numbers.compare(left, right);
    }
    if (Values.isText(left) && Values.isText(right)) {
      return codePoints(Values.text(left), Values.text(right));
    }
    boolean lists = left instanceof List && right instanceof List;
    if (lists || (left instanceof Tuple && right instanceof Tuple)) {
      List<Object> a = Values.items(left);
      List<Object> b = Values.items(right);
      for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
        if (!Values.same(a.get(i), b.get(i))) {
          return order(operator, a.get(i), b.get(i));
        }
      }
      return Integer.compare(a.size(), b.size());
    }
    throw unsuited(operator, left, right);
  }

  /** Python orders by code point, Java by half of one. */
  private static int codePoints(String a, String b) {
    Work.scan(Math.min(a.length(), b.length()));
    int i = 0;
    while (i < a.length() && i < b.length()) {
      int x = a.codePointAt(i);
      int y = b.codePointAt(i);
      if (x != y) {
        return Integer.compare(x, y);
      }
      i += Character.charCount(x);
    }
    return Integer.compare(a.length(), b.length());
  }

  static boolean contains(Object all, Object one) {
    if (Values.isText(all)) {
      if (!Values.isText(one)) {
        defined(one);
        throw new JinjaException("a text does not contain a " + Values.type(one));
      }
      Work.search(Values.text(all).length(), Values.text(one).length());
      return Values.text(all).contains(Values.text(one));
    }
    if (all instanceof Map<?, ?> map) {
      return map.containsKey(Members.key(one));
    }
    return Values.items(all).stream().anyMatch(item -> Values.same(item, one));
  }
}
