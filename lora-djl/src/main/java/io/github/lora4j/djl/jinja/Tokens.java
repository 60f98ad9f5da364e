package io.github.lora4j.djl.jinja;

import java.util.List;

/** A place in the tokens of a template. */
final class Tokens {

  private final List<Token> tokens;
  private int at;

  Tokens(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token now() {
    return tokens.get(at);
  }

  Token ahead() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  Token take() {
    Token token = now();
    if (at < tokens.size() - 1) {
      at++;
    }
    return token;
  }

  boolean isName(String name) {
    return now().is(Token.Kind.NAME, name);
  }

  boolean isOperator(String operator) {
    return now().is(Token.Kind.OPERATOR, operator);
  }

  boolean skipName(String name) {
    boolean there = isName(name);
    if (there) {
      take();
    }
    return there;
  }

  boolean skipOperator(String operator) {
    boolean there = isOperator(operator);
    if (there) {
      take();
    }
    return there;
  }

  String name() {
    return take(Token.Kind.NAME, "a name").text();
  }

  void operator(String operator) {
    if (!skipOperator(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  Token take(Token.Kind kind, String what) {
    if (now().kind() != kind) {
      throw unexpected(what);
    }
    return take();
  }

  JinjaException unexpected(String wanted) {
    return new JinjaException("wanted " + wanted + ", got " + now(), now().line());
  }
}
