package io.github.lora4j.djl.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Reads expressions, with the precedence of jinja2. */
final class ExpressionParser {

  private static final int DEEPEST = 200;
  private static final int LONGEST_NUMBER = 1000; // characters
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");

  private final Tokens tokens;
  private int depth;

  ExpressionParser(Tokens tokens) {
    this.tokens = tokens;
  }

  /** A condition, or values with commas between them: a tuple. */
  Expr expressionOrTuple() {
    Expr first = expression();
    if (!tokens.isOperator(",")) {
      return first;
    }
    List<Expr> items = new ArrayList<>(List.of(first));
    while (tokens.skipOperator(",") && startsExpression()) {
      items.add(expression());
    }
    return Displays.tuple(items);
  }

  private boolean startsExpression() {
    return switch (tokens.now().kind()) {
      case NAME -> !tokens.isName("in") && !tokens.isName("if");
      case STRING, WHOLE, FRACTION -> true;
      case OPERATOR -> "([{-+".contains(tokens.now().text());
      default -> false;
    };
  }

  Expr expression() {
    if (++depth > DEEPEST) {
      throw new JinjaException("an expression nests more than 200 deep", tokens.now().line());
    }
    Expr value = or();
    while (tokens.skipName("if")) {
      Expr then = value;
      Expr condition = or();
      Expr otherwise =
          tokens.skipName("else")
              ? expression()
              : frame -> new Undefined("an 'if' without 'else' has no value here");
      value = frame -> (Values.isTrue(condition.value(frame)) ? then : otherwise).value(frame);
    }
    depth--;
    return value;
  }

  Expr or() {
    Expr left = and();
    while (tokens.skipName("or")) {
      Expr first = left;
      Expr second = and();
      left =
          frame -> {
            Object value = first.value(frame);
            return Values.isTrue(value) ? value : second.value(frame);
          };
    }
    return left;
  }

  private Expr and() {
    Expr left = not();
    while (tokens.skipName("and")) {
      Expr first = left;
      Expr second = not();
      left =
          frame -> {
            Object value = first.value(frame);
            return Values.isTrue(value) ? second.value(frame) : value;
          };
    }
    return left;
  }

  private Expr not() {
    int negations = 0;
    while (tokens.skipName("not")) {
      negations++;
    }
    Expr value = comparison();
    boolean odd = negations % 2 == 1;
    return negations == 0 ? value : frame -> Values.isTrue(value.value(frame)) != odd;
  }

  private Expr comparison() {
    Expr first = sum();
    List<String> operators = new ArrayList<>();
    List<Expr> operands = new ArrayList<>(List.of(first));
    while (true) {
      if (tokens.now().kind() == Token.Kind.OPERATOR && COMPARISONS.contains(tokens.now().text())) {
        operators.add(tokens.take().text());
      } else if (tokens.skipName("in")) {
        operators.add("in");
      } else if (tokens.isName("not") && tokens.ahead().is(Token.Kind.NAME, "in")) {
        tokens.take();
        tokens.take();
        operators.add("not in");
      } else {
        break;
      }
      operands.add(sum());
    }
    return operators.isEmpty()
        ? first
        : frame -> {
          Object left = operands.get(0).value(frame);
          for (int i = 0; i < operators.size(); i++) {
            Object right = operands.get(i + 1).value(frame);
            frame.run().charge(1);
            if (!Operators.compare(operators.get(i), left, right)) {
              return false;
            }
            left = right;
          }
          return true;
        };
  }

  private Expr sum() {
    Expr left = concatenation();
    while (tokens.isOperator("+") || tokens.isOperator("-")) {
      left = binary(tokens.take().text(), left, concatenation());
    }
    return left;
  }

  private Expr concatenation() {
    Expr first = product();
    if (!tokens.isOperator("~")) {
      return first;
    }
    List<Expr> parts = new ArrayList<>(List.of(first));
    while (tokens.skipOperator("~")) {
      parts.add(product());
    }
    return frame -> {
      StringBuilder text = new StringBuilder();
      for (Expr part : parts) {
        String piece = PythonText.str(part.value(frame));
        frame.run().charge(piece.length());
        text.append(piece);
      }
      return text.toString();
    };
  }

  private Expr product() {
    Expr left = power();
    while (tokens.isOperator("*")
        || tokens.isOperator("/")
        || tokens.isOperator("//")
        || tokens.isOperator("%")) {
      left = binary(tokens.take().text(), left, power());
    }
    return left;
  }

  private Expr power() {
    Expr left = unary(true);
    while (tokens.skipOperator("**")) {
      left = binary("**", left, unary(true));
    }
    return left;
  }

  private static Expr binary(String operator, Expr left, Expr right) {
    return frame ->
        Operators.calculate(frame.run(), operator, left.value(frame), right.value(frame));
  }

  private Expr unary(boolean filters) {
    Expr value;
    if (tokens.isOperator("-") || tokens.isOperator("+")) {
      boolean minus = tokens.take().text().equals("-");
      if (++depth > DEEPEST) {
        throw new JinjaException("an expression nests more than 200 deep", tokens.now().line());
      }
      Expr of = unary(false);
      depth--;
      value =
          frame -> {
            Object number = of.value(frame);
            Operators.defined(number);
            if (!Numbers.isNumber(number)) {
              throw new JinjaException("a " + Values.type(number) + " has no sign");
            }
            return minus ? Numbers.negate(number) : number;
          };
    } else {
      value = primary();
    }
    value = postfix(value);
    return filters ? filtered(value) : value;
  }

  Expr primary() {
    Token token = tokens.take();
    return switch (token.kind()) {
      case NAME -> name(token.text());
      case STRING -> text(token);
      case WHOLE -> constant(whole(token));
      case FRACTION -> constant(Double.parseDouble(token.text().replace("_", "")));
      case OPERATOR -> opened(token);
      default -> throw noValue(token);
    };
  }

  /** A whole number as it is written. */
  static Object whole(Token token) {
    if (token.text().length() > LONGEST_NUMBER) {
      throw new JinjaException(
          "a number has %d digits".formatted(token.text().length()), token.line());
    }
    return Values.of(new BigInteger(token.text().replace("_", "")));
  }

  private static Expr constant(Object value) {
    return frame -> value;
  }

  private Expr text(Token first) {
    StringBuilder text = new StringBuilder(StringEscapes.read(first.text()));
    while (tokens.now().kind() == Token.Kind.STRING) {
      text.append(StringEscapes.read(tokens.take().text()));
    }
    return constant(text.toString());
  }

  private Expr opened(Token token) {
    return switch (token.text()) {
      case "(" -> Displays.parentheses(this, tokens);
      case "[" -> Displays.list(this, tokens);
      case "{" -> Displays.mapping(this, tokens);
      default -> throw noValue(token);
    };
  }

  private static JinjaException noValue(Token token) {
    return new JinjaException("wanted a value, got " + token, token.line());
  }

  private static Expr name(String name) {
    return switch (name) {
      case "true", "True" -> frame -> true;
      case "false", "False" -> frame -> false;
      case "none", "None" -> frame -> None.NONE;
      default -> frame -> frame.get(name);
    };
  }

  Expr postfix(Expr start) {
    Expr value = start;
    while (true) {
      if (tokens.isOperator(".") || tokens.isOperator("[")) {
        value = Postfix.member(this, tokens, value);
      } else if (tokens.isOperator("(")) {
        value = Postfix.call(this, tokens, value);
      } else {
        return value;
      }
    }
  }

  private Expr filtered(Expr start) {
    Expr value = start;
    while (true) {
      if (tokens.skipOperator("|")) {
        value = Postfix.filter(this, tokens, value);
      } else if (tokens.skipName("is")) {
        value = Postfix.test(this, tokens, value);
      } else if (tokens.isOperator("(")) {
        value = Postfix.call(this, tokens, value);
      } else {
        return value;
      }
    }
  }
}
