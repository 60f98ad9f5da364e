package io.github.lora4j.djl.jinja;

import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Predicate;

/** The tests that are there, by name: what stands behind {@code is}. */
final class Tests {

  /** Whether something holds for a value. */
  interface Test {

    /** Whether it does. */
    boolean holds(Object value, Arguments arguments);
  }

  private static final Map<String, Test> ALL = new HashMap<>();

  static {
    one("defined", value -> !(value instanceof Undefined));
    one("undefined", value -> value instanceof Undefined);
    one("none", value -> value == None.NONE);
    one("boolean", value -> value instanceof Boolean);
    one("true", value -> value.equals(true));
    one("false", value -> value.equals(false));
    one("string", Values::isText);
    one("number", Numbers::isNumber);
    one("integer", value -> value instanceof Long || value instanceof BigInteger);
    one("float", value -> value instanceof Double);
    one("mapping", value -> value instanceof Map);
    one("iterable", value -> isSequence(value) || value instanceof Lazy || value instanceof Loop);
    one("sequence", Tests::isSequence);
    one("callable", value -> value instanceof Function);
    one("escaped", value -> value instanceof Markup);
    one("lower", value -> isCase(value, PythonText.str(value).toLowerCase(Locale.ROOT)));
    one("upper", value -> isCase(value, PythonText.str(value).toUpperCase(Locale.ROOT)));
    one("odd", value -> rest(value, 2L) != 0);
    one("even", value -> rest(value, 2L) == 0);
    ALL.put(
        "divisibleby",
        (value, arguments) -> rest(value, arguments.expect("divisibleby", "num").get("num")) == 0);
    ALL.put(
        "sameas", (value, given) -> isSame(value, given.expect("sameas", "other").get("other")));
    compare("==", "==", "eq", "equalto");
    compare("!=", "!=", "ne");
    compare("<", "<", "lt", "lessthan");
    compare("<=", "<=", "le");
    compare(">", ">", "gt", "greaterthan");
    compare(">=", ">=", "ge");
    compare("in", "in");
    ALL.put("filter", (value, given) -> Filters.has(PythonText.str(value)));
    ALL.put("test", (value, given) -> ALL.containsKey(PythonText.str(value)));
  }

  private Tests() {}

  static Test find(String name) {
    Test test = ALL.get(name);
    if (test == null) {
      throw new JinjaException(
          "there is no test '%s'; there are %s".formatted(name, new TreeSet<>(ALL.keySet())));
    }
    return test;
  }

  private static void one(String name, Predicate<Object> test) {
    ALL.put(
        name,
        (value, arguments) -> {
          arguments.expect("test '" + name + "'");
          return test.test(value);
        });
  }

  private static void compare(String operator, String... names) {
    for (String name : names) {
      ALL.put(
          name,
          (value, arguments) ->
              Operators.compare(
                  operator, value, arguments.expect("test '" + name + "'", "other").get("other")));
    }
  }

  private static boolean isSequence(Object value) {
    return Values.isText(value)
        || value instanceof List
        || value instanceof Tuple
        || value instanceof Map
        || value instanceof Undefined;
  }

  /** Python asks whether there is a letter with a case, too. */
  private static boolean isCase(Object value, String same) {
    String text = PythonText.str(value);
    Work.pay(text.length());
    return text.equals(same)
        && !text.toLowerCase(Locale.ROOT).equals(text.toUpperCase(Locale.ROOT));
  }

  private static double rest(Object value, Object by) {
    Operators.defined(value);
    if (!Numbers.isNumber(value) || !Numbers.isNumber(by)) {
      throw new JinjaException("a " + Values.type(value) + " cannot be divided");
    }
    return Numbers.fraction(Numbers.calculate("%", value, by));
  }

  private static boolean isSame(Object value, Object other) {
    boolean plain = value instanceof Boolean || value instanceof None || Values.isText(value);
    return plain ? value.equals(other) : value == other;
  }
}
