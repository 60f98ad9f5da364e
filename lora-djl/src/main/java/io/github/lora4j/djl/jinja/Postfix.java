package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads what follows a value: members, calls, filters and tests. */
final class Postfix {

  private Postfix() {}

  static Expr member(ExpressionParser parser, Tokens tokens, Expr of) {
    if (tokens.skipOperator(".")) {
      Token member = tokens.take();
      if (member.kind() == Token.Kind.NAME) {
        return frame -> Members.attribute(of.value(frame), member.text());
      }
      if (member.kind() != Token.Kind.WHOLE) {
        throw new JinjaException("wanted a member, got " + member, member.line());
      }
      Object index = ExpressionParser.whole(member);
      return frame -> Members.item(of.value(frame), index);
    }
    tokens.operator("[");
    Optional<Expr> from = part(parser, tokens);
    if (!tokens.skipOperator(":")) {
      Expr index = from.orElseThrow(() -> tokens.unexpected("an index"));
      tokens.operator("]");
      return frame -> Members.item(of.value(frame), index.value(frame));
    }
    Optional<Expr> to = part(parser, tokens);
    Optional<Expr> step = tokens.skipOperator(":") ? part(parser, tokens) : Optional.empty();
    tokens.operator("]");
    return frame ->
        Members.slice(of.value(frame), value(from, frame), value(to, frame), value(step, frame));
  }

  private static Optional<Expr> part(ExpressionParser parser, Tokens tokens) {
    return tokens.isOperator(":") || tokens.isOperator("]")
        ? Optional.empty()
        : Optional.of(parser.expression());
  }

  private static Object value(Optional<Expr> expr, Frame frame) {
    return expr.isPresent() ? expr.get().value(frame) : None.NONE;
  }

  static Expr call(ExpressionParser parser, Tokens tokens, Expr of) {
    int line = tokens.now().line();
    ArgumentList arguments = ArgumentList.read(parser, tokens);
    return frame -> {
      Object function = of.value(frame);
      Operators.defined(function);
      if (function instanceof Function callable) {
        return charged(line, frame, callable, arguments.values(frame));
      }
      throw new JinjaException("a " + Values.type(function) + " cannot be called", line);
    };
  }

  static Object charged(int line, Frame frame, Function function, Arguments arguments) {
    frame.run().charge(1);
    try {
      Object result = function.call(frame, arguments);
      if (result instanceof String text) {
        frame.run().charge(text.length());
      } else if (result instanceof List<?> list) {
        frame.run().charge(list.size());
      }
      return result;
    } catch (JinjaException e) {
      throw e.at(line);
    }
  }

  static Expr filter(ExpressionParser parser, Tokens tokens, Expr of) {
    Token name = tokens.take(Token.Kind.NAME, "the name of a filter");
    ArgumentList arguments =
        tokens.isOperator("(") ? ArgumentList.read(parser, tokens) : ArgumentList.NONE;
    return frame -> filter(name, frame, of.value(frame), arguments.values(frame));
  }

  static Object filter(Token name, Frame frame, Object value, Arguments arguments) {
    Filter filter = Filters.find(name.text(), name.line());
    return charged(name.line(), frame, (at, given) -> filter.apply(at, value, given), arguments);
  }

  static Expr test(ExpressionParser parser, Tokens tokens, Expr of) {
    boolean negated = tokens.skipName("not");
    Token name = tokens.take(Token.Kind.NAME, "the name of a test");
    ArgumentList arguments = ArgumentList.NONE;
    if (tokens.isOperator("(")) {
      arguments = ArgumentList.read(parser, tokens);
    } else if (startsArgument(tokens)) {
      arguments = new ArgumentList(List.of(parser.postfix(parser.primary())), Map.of(), List.of());
    }
    ArgumentList given = arguments;
    return frame -> {
      frame.run().charge(1);
      try {
        Tests.Test test = Tests.find(name.text());
        return test.holds(of.value(frame), given.values(frame)) != negated;
      } catch (JinjaException e) {
        throw e.at(name.line());
      }
    };
  }

  private static boolean startsArgument(Tokens tokens) {
    return switch (tokens.now().kind()) {
      case NAME ->
          !List.of("else", "or", "and", "is", "if", "not", "in").contains(tokens.now().text());
      case STRING, WHOLE, FRACTION -> true;
      case OPERATOR -> tokens.isOperator("[") || tokens.isOperator("{");
      default -> false;
    };
  }

  /** What is written between the parentheses of a call. */
  record ArgumentList(List<Expr> positional, Map<String, Expr> named, List<Expr> spread) {

    static final ArgumentList NONE = new ArgumentList(List.of(), Map.of(), List.of());

    static ArgumentList read(ExpressionParser parser, Tokens tokens) {
      List<Expr> positional = new ArrayList<>();
      Map<String, Expr> named = new LinkedHashMap<>();
      List<Expr> spread = new ArrayList<>();
      tokens.operator("(");
      boolean first = true;
      while (!tokens.skipOperator(")")) {
        if (!first) {
          tokens.operator(",");
          if (tokens.skipOperator(")")) {
            break;
          }
        }
        first = false;
        if (tokens.skipOperator("**")) {
          spread.add(parser.expression());
        } else if (tokens.now().kind() == Token.Kind.NAME
            && tokens.ahead().is(Token.Kind.OPERATOR, "=")) {
          String name = tokens.name();
          tokens.operator("=");
          named.put(name, parser.expression());
        } else if (named.isEmpty() && spread.isEmpty()) {
          positional.add(parser.expression());
        } else {
          throw tokens.unexpected("a named argument");
        }
      }
      return new ArgumentList(positional, named, spread);
    }

    Arguments values(Frame frame) {
      if (positional.isEmpty() && named.isEmpty() && spread.isEmpty()) {
        return Arguments.NONE;
      }
      List<Object> values = new ArrayList<>();
      positional.forEach(expr -> values.add(expr.value(frame)));
      Map<String, Object> names = new LinkedHashMap<>();
      named.forEach((name, expr) -> names.put(name, expr.value(frame)));
      for (Expr expr : spread) {
        Map<Object, Object> more = Values.map(expr.value(frame));
        Work.make(more.size());
        more.forEach((name, value) -> names.put(Values.text(name), value));
      }
      return new Arguments(values, names);
    }
  }
}
