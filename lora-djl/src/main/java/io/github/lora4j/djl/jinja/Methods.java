package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/** Methods of Python's types that a template may call. None of them changes a value. */
final class Methods {

  private static final Set<String> CHANGES_MAP =
      Set.of("clear", "fromkeys", "pop", "popitem", "setdefault", "update");
  private static final Set<String> CHANGES_LIST =
      Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");

  private Methods() {}

  static Optional<Function> find(Object value, String name) {
    if (Values.isText(value)) {
      String text = Values.text(value);
      return TextMethods.NAMES.contains(name)
          ? Optional.of((frame, arguments) -> TextMethods.call(name, frame.run(), text, arguments))
          : Optional.empty();
    }
    if (value instanceof Map) {
      return ofMap(Values.map(value), name);
    }
    if (Members.isSequence(value)) {
      return ofList(value, name);
    }
    return Optional.empty();
  }

  private static Optional<Function> refusing(String name) {
    return Optional.of(
        (frame, arguments) -> {
          throw new JinjaException("'" + name + "' would change a value; templates only read");
        });
  }

  private static Optional<Function> ofMap(Map<Object, Object> map, String name) {
    if (CHANGES_MAP.contains(name)) {
      return refusing(name);
    }
    return switch (name) {
      case "get" ->
          Optional.of(
              (frame, arguments) -> {
                Arguments given = arguments.expect("get", "key", "default");
                Object found = map.get(Members.key(given.get("key")));
                return found == null ? given.get("default", None.NONE) : found;
              });
      case "items" -> none(name, () -> Lazy.view(Filters.pairs(map)));
      case "keys" -> none(name, () -> Lazy.view(copied(map.keySet())));
      case "values" -> none(name, () -> Lazy.view(copied(map.values())));
      case "copy" -> none(name, () -> copied(map));
      default -> Optional.empty();
    };
  }

  private static List<Object> copied(Collection<Object> items) {
    Work.make(items.size());
    return new ArrayList<>(items);
  }

  private static Map<Object, Object> copied(Map<Object, Object> map) {
    Work.make(map.size());
    return new LinkedHashMap<>(map);
  }

  private static Optional<Function> none(String name, Supplier<Object> result) {
    return Optional.of(
        (frame, arguments) -> {
          arguments.expect(name);
          return result.get();
        });
  }

  private static Optional<Function> ofList(Object value, String name) {
    if (value instanceof List && CHANGES_LIST.contains(name)) {
      return refusing(name);
    }
    List<Object> items = Values.items(value);
    return switch (name) {
      case "copy" -> value instanceof List ? none(name, () -> copied(items)) : Optional.empty();
      case "count" ->
          Optional.of(
              (frame, arguments) -> {
                Object wanted = arguments.expect("count", "value").get("value");
                return items.stream().filter(item -> Values.same(item, wanted)).count();
              });
      case "index" ->
          Optional.of(
              (frame, arguments) -> {
                Object wanted = arguments.expect("index", "value").get("value");
                for (int i = 0; i < items.size(); i++) {
                  if (Values.same(items.get(i), wanted)) {
                    return (long) i;
                  }
                }
                throw new JinjaException("the list does not contain the value");
              });
      default -> Optional.empty();
    };
  }
}
