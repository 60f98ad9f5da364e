package io.github.lora4j.djl.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The names that hold in a part of a template; what is not set here is looked up around it. */
final class Frame {

  private final Run run;
  private final @Nullable Frame around;
  private final Map<String, Object> names = new HashMap<>();

  private Frame(Run run, @Nullable Frame around) {
    this.run = run;
    this.around = around;
  }

  static Frame root(Run run, Map<String, Object> variables) {
    Frame globals = new Frame(run, null);
    globals.names.putAll(Globals.ALL);
    Frame frame = new Frame(run, globals);
    frame.names.putAll(variables);
    return frame;
  }

  Frame inner() {
    return new Frame(run, this);
  }

  Run run() {
    return run;
  }

  Object get(String name) {
    for (Frame frame = this; frame != null; frame = frame.around) {
      Object value = frame.names.get(name);
      if (value != null) {
        return value;
      }
    }
    return new Undefined("'" + name + "' is undefined");
  }

  void set(String name, Object value) {
    names.put(name, value);
  }
}
