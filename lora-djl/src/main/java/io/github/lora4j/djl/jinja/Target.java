package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.List;

/** What a value is given to: a name, a member of a namespace, or several of them. */
interface Target {

  /** Parentheses inside one another. */
  int DEEPEST = 100;

  /** Gives it the value. */
  void set(Frame frame, Object value);

  static Target read(Tokens tokens) {
    return read(tokens, 0);
  }

  private static Target read(Tokens tokens, int depth) {
    if (depth > DEEPEST) {
      throw new JinjaException("names nest more than 100 deep", tokens.now().line());
    }
    Target first = one(tokens, depth);
    if (!tokens.isOperator(",")) {
      return first;
    }
    List<Target> targets = new ArrayList<>(List.of(first));
    while (tokens.skipOperator(",")) {
      targets.add(one(tokens, depth));
    }
    return several(targets);
  }

  private static Target one(Tokens tokens, int depth) {
    if (tokens.skipOperator("(")) {
      Target inner = read(tokens, depth + 1);
      tokens.operator(")");
      return inner;
    }
    String name = tokens.name();
    if (!tokens.skipOperator(".")) {
      return (frame, value) -> frame.set(name, value);
    }
    String member = tokens.name();
    return (frame, value) -> {
      if (!(frame.get(name) instanceof Namespace namespace)) {
        throw new JinjaException(
            "only members of a namespace can be set, '%s' is a %s"
                .formatted(name, Values.type(frame.get(name))));
      }
      namespace.members().put(member, value);
    };
  }

  private static Target several(List<Target> targets) {
    return (frame, value) -> {
      Operators.defined(value);
      List<Object> items = Values.items(value);
      if (items.size() != targets.size()) {
        throw new JinjaException(
            "%d names are given %d values".formatted(targets.size(), items.size()));
      }
      for (int i = 0; i < items.size(); i++) {
        targets.get(i).set(frame, items.get(i));
      }
    };
  }
}
