package io.github.lora4j.djl.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What {@code loop} says in a loop. */
final class Loop implements Function {

  private final List<Object> items;
  private final int depth;
  private int at;
  private @Nullable Function again;
  private @Nullable Object changed;

  Loop(List<Object> items, int depth) {
    this.items = items;
    this.depth = depth;
  }

  void again(Function function) {
    again = function;
  }

  void next() {
    at++;
  }

  Object member(String name) {
    int size = items.size();
    return switch (name) {
      case "index" -> at + 1L;
      case "index0" -> (long) at;
      case "revindex" -> (long) size - at;
      case "revindex0" -> (long) size - at - 1;
      case "first" -> at == 0;
      case "last" -> at == size - 1;
      case "length" -> (long) size;
      case "depth" -> (long) depth;
      case "depth0" -> depth - 1L;
      case "previtem" -> at == 0 ? new Undefined("there is no previous item") : items.get(at - 1);
      case "nextitem" ->
          at == size - 1 ? new Undefined("there is no next item") : items.get(at + 1);
      case "cycle" -> (Function) (frame, arguments) -> cycle(arguments.positional());
      case "changed" -> (Function) (frame, arguments) -> changed(arguments.positional());
      default -> new Undefined("a loop has no '" + name + "'");
    };
  }

  private Object cycle(List<Object> values) {
    if (values.isEmpty()) {
      throw new JinjaException("there is nothing to cycle through");
    }
    return values.get(at % values.size());
  }

  private Object changed(List<Object> values) {
    boolean same = changed != null && Values.same(changed, values);
    changed = values;
    return !same;
  }

  @Override
  public Object call(Frame frame, Arguments arguments) {
    if (again == null) {
      throw new JinjaException("only a loop that is 'recursive' can be called");
    }
    return again.call(frame, arguments);
  }
}
