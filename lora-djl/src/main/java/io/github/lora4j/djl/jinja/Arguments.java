package io.github.lora4j.djl.jinja;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What a function is called with. */
record Arguments(List<Object> positional, Map<String, Object> named) {

  static final Arguments NONE = new Arguments(List.of(), Map.of());

  static Arguments of(Object... positional) {
    return new Arguments(List.of(positional), Map.of());
  }

  /** The same for a function that takes these parameters and no other. */
  Arguments expect(String what, String... parameters) {
    if (positional.size() > parameters.length) {
      throw new JinjaException(
          "%s takes %d arguments, got %d".formatted(what, parameters.length, positional.size()));
    }
    Set<String> known = Set.of(parameters);
    for (String name : named.keySet()) {
      if (!known.contains(name)) {
        throw new JinjaException("%s takes no argument '%s'".formatted(what, name));
      }
    }
    Map<String, Object> all = new LinkedHashMap<>(named);
    for (int i = 0; i < positional.size(); i++) {
      if (all.put(parameters[i], positional.get(i)) != null) {
        throw new JinjaException("%s gets argument '%s' twice".formatted(what, parameters[i]));
      }
    }
    return new Arguments(positional, all);
  }

  /** An argument by name, once {@link #expect} has named them. */
  Object get(String name, Object fallback) {
    return named.getOrDefault(name, fallback);
  }

  /** An argument that has to be there. */
  Object get(String name) {
    Object value = named.get(name);
    if (value == null) {
      throw new JinjaException("argument '" + name + "' is missing");
    }
    return value;
  }

  /** What is left when the first ones are taken off. */
  Arguments after(int count) {
    return new Arguments(
        positional.subList(Math.min(count, positional.size()), positional.size()), named);
  }
}
