package io.github.lora4j.djl.jinja;

import java.util.List;

/** A statement of a template, or text. */
@FunctionalInterface
interface Node {

  /** How a statement ended. */
  enum Flow {
    NEXT,
    BREAK,
    CONTINUE
  }

  /** Writes what the statement writes. */
  Flow render(Frame frame, Output out);

  /** Statements one after another; a break or continue leaves the rest out. */
  static Node all(List<Node> nodes) {
    List<Node> copy = List.copyOf(nodes);
    return (frame, out) -> {
      for (Node node : copy) {
        frame.run().charge(1);
        Flow flow = node.render(frame, out);
        if (flow != Flow.NEXT) {
          return flow;
        }
      }
      return Flow.NEXT;
    };
  }

  /** A statement whose failures name its line. */
  static Node at(int line, Node node) {
    return (frame, out) -> {
      try {
        return node.render(frame, out);
      } catch (JinjaException e) {
        throw e.at(line);
      }
    };
  }
}
