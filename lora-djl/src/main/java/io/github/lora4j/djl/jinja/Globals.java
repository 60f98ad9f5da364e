package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Functions that every template has. */
final class Globals {

  private static final int LONGEST_RANGE = 100_000; // of jinja2's sandbox

  static final Map<String, Object> ALL =
      Map.of(
          "range", (Function) Globals::range,
          "dict", (Function) Globals::dict,
          "namespace", (Function) Globals::namespace,
          "raise_exception", (Function) Globals::raise,
          "strftime_now", (Function) Globals::now);

  private Globals() {}

  private static Object range(Frame frame, Arguments arguments) {
    List<Object> given = arguments.expect("range", "start", "stop", "step").positional();
    if (given.isEmpty()) {
      throw new JinjaException("range needs a number");
    }
    int start = given.size() == 1 ? 0 : Values.whole(given.get(0));
    int stop = Values.whole(given.get(given.size() == 1 ? 0 : 1));
    int step = given.size() < 3 ? 1 : Values.whole(given.get(2));
    if (step == 0) {
      throw new JinjaException("the step of a range is 0");
    }
    List<Object> numbers = new ArrayList<>();
    for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
      if (numbers.size() == LONGEST_RANGE) {
        throw new JinjaException("a range has more than 100000 numbers");
      }
      Work.make(1);
      numbers.add(i);
    }
    return numbers;
  }

  private static Object dict(Frame frame, Arguments arguments) {
    Map<Object, Object> map = new LinkedHashMap<>();
    for (Object start : arguments.positional()) {
      if (start instanceof Map<?, ?> given) {
        Work.make(given.size());
        map.putAll(Values.map(start));
      } else {
        for (Object pair : Values.items(start)) {
          Work.make(1);
          List<Object> two = Values.items(pair);
          if (two.size() != 2) {
            throw new JinjaException("a mapping is made of pairs, got " + two.size() + " values");
          }
          map.put(Members.key(two.get(0)), two.get(1));
        }
      }
    }
    Work.make(arguments.named().size());
    map.putAll(arguments.named());
    return map;
  }

  private static Object namespace(Frame frame, Arguments arguments) {
    Namespace namespace = new Namespace();
    Values.map(dict(frame, arguments))
        .forEach((name, value) -> namespace.members().put(Values.text(name), value));
    return namespace;
  }

  private static Object raise(Frame frame, Arguments arguments) {
    throw JinjaException.raised(
        PythonText.str(arguments.expect("raise_exception", "message").get("message")));
  }

  private static Object now(Frame frame, Arguments arguments) {
    String format = Values.text(arguments.expect("strftime_now", "format").get("format"));
    return Strftime.format(frame.run().now(), format);
  }
}
