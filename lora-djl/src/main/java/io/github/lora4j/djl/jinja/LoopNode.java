package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A loop over the items of a value. */
record LoopNode(
    Target target, Expr items, Optional<Expr> condition, Node body, Node none, boolean recursive)
    implements Node {

  @Override
  public Flow render(Frame frame, Output out) {
    return render(frame, out, items.value(frame), 1);
  }

  private Flow render(Frame frame, Output out, Object value, int depth) {
    List<Object> all = chosen(frame, Values.items(value));
    if (all.isEmpty()) {
      return none.render(frame, out);
    }
    Loop loop = new Loop(all, depth);
    if (recursive) {
      loop.again(
          (at, arguments) -> {
            Object deeper = arguments.expect("loop", "iterable").get("iterable");
            at.run().enter();
            Output text = new Output(at.run());
            render(frame, text, deeper, depth + 1);
            at.run().leave();
            return text.text();
          });
    }
    for (Object item : all) {
      frame.run().charge(1);
      Frame inner = frame.inner();
      target.set(inner, item);
      inner.set("loop", loop);
      if (body.render(inner, out) == Flow.BREAK) {
        break;
      }
      loop.next();
    }
    return Flow.NEXT;
  }

  private List<Object> chosen(Frame frame, List<Object> all) {
    if (condition.isEmpty()) {
      return all;
    }
    List<Object> chosen = new ArrayList<>();
    for (Object item : all) {
      frame.run().charge(1);
      Frame inner = frame.inner();
      target.set(inner, item);
      if (Values.isTrue(condition.get().value(inner))) {
        chosen.add(item);
      }
    }
    return chosen;
  }
}
