package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Members, items and slices of values. */
final class Members {

  private Members() {}

  /** {@code value.name}: a method before an item, as in jinja2. */
  static Object attribute(Object value, String name) {
    Operators.defined(value);
    if (value instanceof Namespace namespace) {
      return member(namespace.members(), value, name);
    }
    if (value instanceof Loop loop) {
      return loop.member(name);
    }
    Optional<Function> method = Methods.find(value, name);
    if (method.isPresent()) {
      return method.get();
    }
    return value instanceof Map<?, ?> map ? member(map, value, name) : missing(value, name);
  }

  /** The filter {@code attr}: a method, but no item of a mapping. */
  static Object own(Object value, String name) {
    if (value instanceof Map) {
      Optional<Function> method = Methods.find(value, name);
      return method.isPresent() ? method.get() : missing(value, name);
    }
    return attribute(value, name);
  }

  /** {@code value[key]}: an item before a method. */
  static Object item(Object value, Object key) {
    Operators.defined(value);
    if (value instanceof Map<?, ?> map) {
      Object item = map.get(key(key));
      if (item != null) {
        return item;
      }
    } else if (key instanceof Long && Values.isText(value)) {
      return character(Values.text(value), Values.whole(key), value);
    } else if (key instanceof Long && isSequence(value)) {
      List<Object> items = Values.items(value);
      int index = Values.whole(key);
      int at = index < 0 ? index + items.size() : index;
      return at >= 0 && at < items.size() ? items.get(at) : missing(value, key);
    }
    return Values.isText(key) ? attribute(value, Values.text(key)) : missing(value, key);
  }

  private static Object character(String text, int index, Object value) {
    Work.scan(text.length());
    int size = text.codePointCount(0, text.length());
    int at = index < 0 ? index + size : index;
    return at >= 0 && at < size
        ? Character.toString(text.codePointAt(text.offsetByCodePoints(0, at)))
        : missing(value, (long) index);
  }

  static boolean isSequence(Object value) {
    return value instanceof List || value instanceof Tuple;
  }

  private static Object member(Map<?, ?> map, Object value, String name) {
    Object member = map.get(name);
    return member == null ? missing(value, name) : member;
  }

  private static Undefined missing(Object value, Object name) {
    String key = Values.isText(name) ? "'" + Values.text(name) + "'" : PythonText.repr(name);
    return new Undefined("a " + Values.type(value) + " has no " + key);
  }

  /** A value as a key of a mapping. */
  static Object key(Object key) {
    if (key instanceof List || key instanceof Map) {
      throw new JinjaException("a " + Values.type(key) + " is no key of a mapping");
    }
    Work.hash(key);
    return key instanceof Markup markup ? markup.text() : key;
  }

  /** {@code value[from:to:step]}. */
  static Object slice(Object value, Object from, Object to, Object step) {
    Operators.defined(value);
    if (!Values.isText(value) && !isSequence(value)) {
      throw new JinjaException("a " + Values.type(value) + " cannot be sliced");
    }
    int stride = step == None.NONE ? 1 : Values.whole(step);
    if (stride == 0) {
      throw new JinjaException("the step of a slice is 0");
    }
    int size = Math.toIntExact(Values.length(value));
    int first = bound(from, size, stride, stride > 0 ? 0 : size - 1);
    int end = bound(to, size, stride, stride > 0 ? size : -1);
    if (Values.isText(value)) {
      return slice(Values.text(value), first, end, stride);
    }
    List<Object> items = Values.items(value);
    List<Object> part = new ArrayList<>();
    for (long i = first; stride > 0 ? i < end : i > end; i += stride) {
      Work.make(1);
      part.add(items.get((int) i));
    }
    return value instanceof Tuple ? new Tuple(part) : part;
  }

  private static String slice(String text, int first, int end, int stride) {
    if (stride == 1) {
      int start = text.offsetByCodePoints(0, first);
      return text.substring(start, text.offsetByCodePoints(start, Math.max(0, end - first)));
    }
    Work.pay(text.length());
    int[] codePoints = text.codePoints().toArray();
    StringBuilder part = new StringBuilder();
    for (long i = first; stride > 0 ? i < end : i > end; i += stride) {
      part.appendCodePoint(codePoints[(int) i]);
    }
    return part.toString();
  }

  private static int bound(Object given, int size, int stride, int otherwise) {
    if (given == None.NONE) {
      return otherwise;
    }
    int index = Values.whole(given);
    int at = index < 0 ? index + size : index;
    return stride > 0 ? Math.max(0, Math.min(size, at)) : Math.max(-1, Math.min(size - 1, at));
  }

  /** A member by a path with dots, as filters take it. */
  static Object path(Object value, Object path) {
    return path(value, path, None.NONE);
  }

  /** The same with a value for each member that is not there; none for no such value. */
  static Object path(Object value, Object path, Object fallback) {
    if (path instanceof Long) {
      return or(item(value, path), fallback);
    }
    Object found = value;
    Work.scan(Values.text(path).length());
    for (String name : Values.text(path).split("\\.", -1)) {
      boolean number =
          !name.isEmpty() && name.length() < 19 && name.chars().allMatch(c -> c >= '0' && c <= '9');
      found = or(item(found, number ? (Object) Long.valueOf(name) : name), fallback);
    }
    return found;
  }

  private static Object or(Object found, Object fallback) {
    return found instanceof Undefined && fallback != None.NONE ? fallback : found;
  }

  static List<Object> reversed(List<Object> items) {
    List<Object> copy = new ArrayList<>(items);
    Collections.reverse(copy);
    return copy;
  }
}
