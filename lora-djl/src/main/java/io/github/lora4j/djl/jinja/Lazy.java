package io.github.lora4j.djl.jinja;

import java.util.List;

/**
 * Items that Python does not hold in a list. A generator, what {@code map} or {@code select} make,
 * can be gone through once, counts as true, and has no length; a view of a mapping, what {@code
 * items()} gives, again and again. Neither is a list: {@code | list} makes one.
 */
final class Lazy {

  private final boolean generator;
  private List<Object> items;

  private Lazy(List<Object> items, boolean generator) {
    this.items = items;
    this.generator = generator;
  }

  static Lazy generator(List<Object> items) {
    return new Lazy(items, true);
  }

  static Lazy view(List<Object> items) {
    return new Lazy(items, false);
  }

  List<Object> take() {
    List<Object> taken = items;
    items = generator ? List.of() : items;
    return taken;
  }

  boolean isTrue() {
    return generator || !items.isEmpty();
  }

  long length() {
    if (generator) {
      throw new JinjaException("a generator has no length; make a list of it first");
    }
    return items.size();
  }
}
