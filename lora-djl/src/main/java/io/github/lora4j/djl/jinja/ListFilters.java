package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Filters that go through the items of a value. */
final class ListFilters {

  private ListFilters() {}

  static Map<String, Filter> all() {
    Map<String, Filter> all = new HashMap<>();
    all.put("list", (frame, value, given) -> copy(value));
    all.put("first", (frame, value, given) -> end(Values.items(value), true));
    all.put("last", (frame, value, given) -> end(Values.items(value), false));
    all.put("reverse", (frame, value, given) -> reversed(value));
    add(all, "join", ListFilters::join, "d", "attribute");
    add(all, "sum", ListFilters::sum, "attribute", "start");
    add(
        all,
        "min",
        (frame, value, given) -> extreme(value, given, -1),
        "case_sensitive",
        "attribute");
    add(
        all,
        "max",
        (frame, value, given) -> extreme(value, given, 1),
        "case_sensitive",
        "attribute");
    add(all, "sort", ListFilters::sort, "reverse", "case_sensitive", "attribute");
    add(all, "unique", ListFilters::unique, "case_sensitive", "attribute");
    add(all, "batch", ListFilters::batch, "linecount", "fill_with");
    add(all, "groupby", ListFilters::groupBy, "attribute", "default", "case_sensitive");
    all.put("map", ListFilters::map);
    all.put("select", (frame, value, given) -> select(value, given, true, false));
    all.put("reject", (frame, value, given) -> select(value, given, false, false));
    all.put("selectattr", (frame, value, given) -> select(value, given, true, true));
    all.put("rejectattr", (frame, value, given) -> select(value, given, false, true));
    return all;
  }

  private static void add(
      Map<String, Filter> all, String name, Filter filter, String... parameters) {
    all.put(name, Filters.taking(name, filter, parameters));
  }

  private static List<Object> copy(Object value) {
    List<Object> items = Values.items(value);
    Work.make(items.size());
    return new ArrayList<>(items);
  }

  private static Object end(List<Object> items, boolean first) {
    if (items.isEmpty()) {
      return new Undefined("there is no " + (first ? "first" : "last") + " item");
    }
    return items.get(first ? 0 : items.size() - 1);
  }

  private static Object reversed(Object value) {
    List<Object> items = Members.reversed(Values.items(value));
    if (!Values.isText(value)) {
      return Lazy.generator(items);
    }
    StringBuilder text = new StringBuilder();
    items.forEach(text::append);
    return text.toString();
  }

  private static Object of(Object item, Object attribute) {
    return attribute == None.NONE ? item : Members.path(item, attribute);
  }

  private static Object join(Frame frame, Object value, Arguments arguments) {
    String between = PythonText.str(arguments.get("d", ""));
    Object attribute = arguments.get("attribute", None.NONE);
    StringBuilder text = new StringBuilder();
    String before = "";
    for (Object item : Values.items(value)) {
      String piece = PythonText.str(of(item, attribute));
      frame.run().charge((long) before.length() + piece.length());
      text.append(before).append(piece);
      before = between;
    }
    return text.toString();
  }

  private static Object sum(Frame frame, Object value, Arguments arguments) {
    Object sum = arguments.get("start", 0L);
    for (Object item : Values.items(value)) {
      Object part = of(item, arguments.get("attribute", None.NONE));
      sum = Operators.calculate(frame.run(), "+", sum, part);
    }
    return sum;
  }

  /** What is compared of an item: texts without their case, unless asked for. */
  private static Object key(Object item, Arguments arguments) {
    Object value = of(item, arguments.get("attribute", None.NONE));
    return keyOf(value, arguments);
  }

  private static Object keyOf(Object value, Arguments arguments) {
    boolean exact = Values.isTrue(arguments.get("case_sensitive", false));
    if (exact || !Values.isText(value)) {
      return value;
    }
    Work.pay(Values.text(value).length());
    return Values.text(value).toLowerCase(Locale.ROOT);
  }

  private static Object extreme(Object value, Arguments arguments, int sign) {
    Object best = new Undefined("there is no item");
    for (Object item : Values.items(value)) {
      boolean better =
          best instanceof Undefined
              || Operators.order("<", key(item, arguments), key(best, arguments)) * sign > 0;
      best = better ? item : best;
    }
    return best;
  }

  private static Object sort(Frame frame, Object value, Arguments arguments) {
    List<Object> sorted = copy(value);
    Comparator<Object> order = (a, b) -> Operators.order("<", key(a, arguments), key(b, arguments));
    sorted.sort(Values.isTrue(arguments.get("reverse", false)) ? order.reversed() : order);
    return sorted;
  }

  static Object sortedPairs(Map<Object, Object> map, Arguments arguments) {
    String by = PythonText.str(arguments.get("by", "key"));
    if (!by.equals("key") && !by.equals("value")) {
      throw new JinjaException("dictsort goes by 'key' or 'value', got '" + by + "'");
    }
    Object place = by.equals("key") ? 0L : 1L;
    List<Object> pairs = Filters.pairs(map);
    Arguments keyed =
        new Arguments(
            List.of(),
            Map.of("attribute", place, "case_sensitive", arguments.get("case_sensitive", false)));
    Comparator<Object> order = (a, b) -> Operators.order("<", key(a, keyed), key(b, keyed));
    pairs.sort(Values.isTrue(arguments.get("reverse", false)) ? order.reversed() : order);
    return pairs;
  }

  private static Object unique(Frame frame, Object value, Arguments arguments) {
    List<Object> keys = new ArrayList<>();
    List<Object> unique = new ArrayList<>();
    for (Object item : Values.items(value)) {
      Object key = key(item, arguments);
      frame.run().charge(1 + keys.size());
      if (keys.stream().noneMatch(known -> Values.same(known, key))) {
        keys.add(key);
        unique.add(item);
      }
    }
    return Lazy.generator(unique);
  }

  private static Object batch(Frame frame, Object value, Arguments arguments) {
    int size = Values.whole(arguments.get("linecount"));
    if (size < 1) {
      throw new JinjaException("a batch has at least one item, got " + size);
    }
    Object fill = arguments.get("fill_with", None.NONE);
    List<Object> batches = new ArrayList<>();
    List<Object> items = Values.items(value);
    for (int start = 0; start < items.size(); start += size) {
      Work.make(Math.min(size, items.size() - start));
      List<Object> one =
          new ArrayList<>(items.subList(start, Math.min(items.size(), start + size)));
      if (fill != None.NONE) {
        Work.make(size);
        while (one.size() < size) {
          one.add(fill);
        }
      }
      batches.add(one);
    }
    return Lazy.generator(batches);
  }

  private static Object groupBy(Frame frame, Object value, Arguments arguments) {
    Object attribute = arguments.get("attribute");
    Object fallback = arguments.get("default", None.NONE);
    Map<Object, List<Object>> groups = new LinkedHashMap<>();
    List<Object> items = copy(value);
    UnaryOperator<Object> group = item -> keyOf(Members.path(item, attribute, fallback), arguments);
    items.sort((a, b) -> Operators.order("<", group.apply(a), group.apply(b)));
    Map<Object, Object> names = new HashMap<>();
    for (Object item : items) {
      Object key = group.apply(item);
      Work.make(1);
      Work.hash(key);
      names.putIfAbsent(key, Members.path(item, attribute, fallback));
      groups.computeIfAbsent(key, name -> new ArrayList<>()).add(item);
    }
    List<Object> result = new ArrayList<>();
    groups.forEach((key, all) -> result.add(Tuple.of(names.getOrDefault(key, key), all)));
    return result;
  }

  private static Object map(Frame frame, Object value, Arguments arguments) {
    List<Object> mapped = new ArrayList<>();
    Object attribute = arguments.named().get("attribute");
    for (Object item : Values.isTrue(value) ? Values.items(value) : List.of()) {
      Work.make(1);
      if (attribute != null) {
        Object fallback = arguments.named().getOrDefault("default", None.NONE);
        mapped.add(Members.path(item, attribute, fallback));
      } else if (arguments.positional().isEmpty()) {
        throw new JinjaException("map needs a filter or an attribute");
      } else {
        String name = Values.text(arguments.positional().get(0));
        mapped.add(Filters.find(name, 0).apply(frame, item, arguments.after(1)));
      }
    }
    return Lazy.generator(mapped);
  }

  private static Object select(
      Object value, Arguments arguments, boolean wanted, boolean byAttribute) {
    List<Object> selected = new ArrayList<>();
    int skip = byAttribute ? 1 : 0;
    if (arguments.positional().size() < skip) {
      throw new JinjaException("the name of an attribute is missing");
    }
    Arguments rest = arguments.after(skip);
    for (Object item : Values.isTrue(value) ? Values.items(value) : List.of()) {
      Work.make(1);
      Object seen = byAttribute ? Members.path(item, arguments.positional().get(0)) : item;
      boolean holds =
          rest.positional().isEmpty()
              ? Values.isTrue(seen)
              : Tests.find(Values.text(rest.positional().get(0))).holds(seen, rest.after(1));
      if (holds == wanted) {
        selected.add(item);
      }
    }
    return Lazy.generator(selected);
  }
}
