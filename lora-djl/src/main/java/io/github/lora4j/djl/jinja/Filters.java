package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** The filters that are there, by name. */
final class Filters {

  private static final Map<String, Filter> ALL = new HashMap<>();

  static {
    texts();
    values();
    ALL.putAll(ListFilters.all());
  }

  private Filters() {}

  static Filter find(String name, int line) {
    Filter filter = ALL.get(name);
    if (filter == null) {
      throw new JinjaException(
          "there is no filter '%s'; there are %s".formatted(name, new TreeSet<>(ALL.keySet())),
          line);
    }
    return filter;
  }

  static boolean has(String name) {
    return ALL.containsKey(name);
  }

  /** A filter whose arguments have names. */
  static Filter taking(String name, Filter filter, String... parameters) {
    return (frame, value, arguments) ->
        filter.apply(frame, value, arguments.expect("filter '" + name + "'", parameters));
  }

  private static void add(String name, Filter filter, String... parameters) {
    ALL.put(name, taking(name, filter, parameters));
  }

  /** A filter that is the method of texts with the same name. */
  private static void method(String name) {
    add(
        name,
        (frame, value, arguments) ->
            TextMethods.call(name, frame.run(), soft(value), Arguments.NONE));
  }

  /** Filters of texts take any value for the text that it prints as. */
  private static String soft(Object value) {
    return PythonText.str(value);
  }

  private static void texts() {
    method("upper");
    method("lower");
    method("capitalize");
    add("title", (frame, value, arguments) -> title(soft(value)));
    add(
        "trim",
        (frame, value, arguments) -> {
          Object characters = arguments.get("chars", None.NONE);
          return TextMethods.call(
              "strip",
              frame.run(),
              soft(value),
              characters == None.NONE ? Arguments.NONE : Arguments.of(characters));
        },
        "chars");
    add(
        "replace",
        (frame, value, arguments) -> {
          Object old = PythonText.str(arguments.get("old"));
          Object fresh = PythonText.str(arguments.get("new"));
          Object count = arguments.get("count", None.NONE);
          return TextMethods.call(
              "replace",
              frame.run(),
              soft(value),
              count == None.NONE ? Arguments.of(old, fresh) : Arguments.of(old, fresh, count));
        },
        "old",
        "new",
        "count");
    add("string", (frame, value, arguments) -> value instanceof Markup ? value : soft(value));
    add("safe", (frame, value, arguments) -> new Markup(soft(value)));
    Filter escape =
        (frame, value, arguments) ->
            value instanceof Markup ? value : new Markup(Markup.escape(soft(value)));
    add("escape", escape);
    add("e", escape);
    add("forceescape", (frame, value, arguments) -> new Markup(Markup.escape(soft(value))));
    add(
        "indent",
        (frame, value, arguments) -> Formats.indent(frame.run(), soft(value), arguments),
        "width",
        "first",
        "blank");
    ALL.put(
        "format",
        (frame, value, arguments) ->
            Formats.percent(
                frame.run(),
                soft(value),
                arguments.named().isEmpty()
                    ? new Tuple(arguments.positional())
                    : new HashMap<Object, Object>(arguments.named())));
    add(
        "center",
        (frame, value, arguments) ->
            TextMethods.call(
                "center", frame.run(), soft(value), Arguments.of(arguments.get("width", 80L))),
        "width");
    add(
        "wordcount",
        (frame, value, arguments) ->
            (long) TextMethods.words(soft(value), Integer.MAX_VALUE).size());
    ALL.put("tojson", (frame, value, arguments) -> PythonJson.write(frame.run(), value, arguments));
  }

  /** As jinja2's filter: capitals after white space, hyphens and opening brackets. */
  private static String title(String text) {
    StringBuilder title = new StringBuilder();
    boolean first = true;
    for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
      String c = Character.toString(text.codePointAt(i));
      title.append(first ? c.toUpperCase(Locale.ROOT) : c.toLowerCase(Locale.ROOT));
      first = PythonText.isSpace(c.charAt(0)) || "-({[<".contains(c);
    }
    return title.toString();
  }

  private static void values() {
    Filter fallback =
        (frame, value, arguments) -> {
          boolean falseToo = Values.isTrue(arguments.get("boolean", false));
          boolean missing = value instanceof Undefined || (falseToo && !Values.isTrue(value));
          return missing ? arguments.get("default_value", "") : value;
        };
    add("default", fallback, "default_value", "boolean");
    add("d", fallback, "default_value", "boolean");
    Filter length = (frame, value, arguments) -> Values.length(value);
    add("length", length);
    add("count", length);
    add("abs", (frame, value, arguments) -> absolute(value));
    add(
        "int",
        (frame, value, arguments) ->
            Formats.whole(value, arguments.get("default", 0L), arguments.get("base", 10L)),
        "default",
        "base");
    add(
        "float",
        (frame, value, arguments) -> Formats.fraction(value, arguments.get("default", 0.0)),
        "default");
    add(
        "round",
        (frame, value, arguments) -> Formats.round(value, arguments),
        "precision",
        "method");
    add(
        "attr",
        (frame, value, arguments) -> Members.own(value, Values.text(arguments.get("name"))),
        "name");
    add(
        "items",
        (frame, value, arguments) ->
            Lazy.generator(value instanceof Undefined ? List.of() : pairs(Values.map(value))));
    add(
        "dictsort",
        (frame, value, arguments) -> ListFilters.sortedPairs(Values.map(value), arguments),
        "case_sensitive",
        "by",
        "reverse");
  }

  static List<Object> pairs(Map<Object, Object> map) {
    Work.make(map.size());
    List<Object> pairs = new ArrayList<>();
    map.forEach((key, value) -> pairs.add(Tuple.of(key, value)));
    return pairs;
  }

  private static Object absolute(Object value) {
    Operators.defined(value);
    if (!Numbers.isNumber(value)) {
      throw new JinjaException("a " + Values.type(value) + " has no sign");
    }
    boolean negative = Numbers.compare(value, 0L) < 0;
    return negative ? Numbers.negate(value) : value;
  }
}
