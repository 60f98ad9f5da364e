package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** A part of a template that is called by name. */
record Macro(String name, List<String> parameters, List<Optional<Expr>> defaults, Node body) {

  /** Reads parameters and body. A call block's parameters may be left out, its body follows. */
  static Macro read(String name, ExpressionParser expressions, Tokens tokens, Supplier<Node> body) {
    List<String> parameters = new ArrayList<>();
    List<Optional<Expr>> defaults = new ArrayList<>();
    boolean caller = name.equals("caller");
    if (!caller || tokens.isOperator("(")) {
      tokens.operator("(");
      while (!tokens.skipOperator(")")) {
        if (!parameters.isEmpty()) {
          tokens.operator(",");
          if (tokens.skipOperator(")")) {
            break;
          }
        }
        Token parameter = tokens.take(Token.Kind.NAME, "a name");
        if (parameters.contains(parameter.text())) {
          throw new JinjaException(
              "a macro has two parameters '" + parameter.text() + "'", parameter.line());
        }
        parameters.add(parameter.text());
        defaults.add(
            tokens.skipOperator("=") ? Optional.of(expressions.expression()) : Optional.empty());
      }
    }
    Node whole = caller ? (frame, out) -> Node.Flow.NEXT : body.get();
    return new Macro(name, parameters, defaults, whole);
  }

  /** A call whose {@code caller()} is a body. */
  static Node calling(Macro parameters, Expr of, Node body) {
    Macro caller = new Macro("caller", parameters.parameters(), parameters.defaults(), body);
    return (frame, out) -> {
      Frame inner = frame.inner();
      inner.set(CALLER, caller.in(frame));
      out.add(PythonText.str(of.value(inner)));
      return Node.Flow.NEXT;
    };
  }

  /** Under this name, which no template can write, a call finds the body it is made with. */
  private static final String CALLER = "caller of this call";

  /** The macro where the names of a frame hold. */
  Function in(Frame around) {
    return (frame, arguments) -> {
      Frame inner = around.inner();
      bind(inner, arguments);
      Object caller = frame.get(CALLER);
      if (!(caller instanceof Undefined)) {
        inner.set("caller", caller);
        inner.set(CALLER, new Undefined("the body belongs to the outer call"));
      }
      frame.run().enter();
      String text = text(inner, body);
      frame.run().leave();
      return text;
    };
  }

  private void bind(Frame inner, Arguments arguments) {
    Arguments given = arguments.expect("macro '" + name + "'", parameters.toArray(String[]::new));
    Map<String, Object> named = given.named();
    for (int i = 0; i < parameters.size(); i++) {
      String parameter = parameters.get(i);
      Object value = named.get(parameter);
      if (value == null) {
        value =
            defaults.get(i).isPresent()
                ? defaults.get(i).get().value(inner)
                : new Undefined("parameter '" + parameter + "' was not provided");
      }
      inner.set(parameter, value);
    }
  }

  /** What a body writes. */
  static String text(Frame frame, Node body) {
    Output out = new Output(frame.run());
    body.render(frame, out);
    return out.text();
  }
}
