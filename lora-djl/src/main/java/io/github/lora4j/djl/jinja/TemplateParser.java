package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads the statements of a template. */
final class TemplateParser {

  private static final int DEEPEST = 100;

  private final Tokens tokens;
  private final ExpressionParser expressions;
  private int depth;
  private int loops; // that a break could leave
  private boolean marksBlocks;

  TemplateParser(String source) {
    this.tokens = new Tokens(Lexer.tokens(source));
    this.expressions = new ExpressionParser(tokens);
  }

  Node template() {
    Node all = body(Set.of());
    if (tokens.now().kind() != Token.Kind.END) {
      throw tokens.unexpected("the end of the template");
    }
    return all;
  }

  /** Whether the template says which text a model generates. */
  boolean marksBlocks() {
    return marksBlocks;
  }

  /** Statements up to a tag with one of these names, which is next. */
  private Node body(Set<String> ends) {
    if (++depth > DEEPEST) {
      throw new JinjaException("blocks nest more than 100 deep", tokens.now().line());
    }
    List<Node> nodes = new ArrayList<>();
    while (tokens.now().kind() != Token.Kind.END) {
      Token token = tokens.now();
      if (token.kind() == Token.Kind.BLOCK && ends.contains(tokens.ahead().text())) {
        break;
      }
      tokens.take();
      nodes.add(Node.at(token.line(), node(token)));
    }
    depth--;
    return Node.all(nodes);
  }

  private Node node(Token token) {
    if (token.kind() == Token.Kind.DATA) {
      return (frame, out) -> {
        out.add(token.text());
        return Node.Flow.NEXT;
      };
    }
    if (token.kind() == Token.Kind.VARIABLE) {
      Expr value = expressions.expressionOrTuple();
      tokens.take(Token.Kind.VARIABLE_END, "'}}'");
      return (frame, out) -> {
        out.add(PythonText.str(value.value(frame)));
        return Node.Flow.NEXT;
      };
    }
    Token tag = tokens.take(Token.Kind.NAME, "the name of a tag");
    return switch (tag.text()) {
      case "if" -> branch();
      case "for" -> loop();
      case "set" -> set();
      case "macro" -> macro();
      case "call" -> call();
      case "filter" -> filter();
      case "with" -> with();
      case "generation" -> generation();
      case "break" -> leave(tag, Node.Flow.BREAK);
      case "continue" -> leave(tag, Node.Flow.CONTINUE);
      default ->
          throw new JinjaException(
              "there is no tag '"
                  + tag.text()
                  + "' here; there are if, for, set, macro, call, filter, with, generation, break"
                  + " and continue",
              tag.line());
    };
  }

  private void end() {
    tokens.take(Token.Kind.BLOCK_END, "'%}'");
  }

  /** The tag that ends a body. */
  private void end(String name) {
    tokens.take(Token.Kind.BLOCK, "'{% " + name + " %}'");
    tokens.take();
    if (name.equals("endmacro") && tokens.now().kind() == Token.Kind.NAME) {
      tokens.take(); // may be repeated
    }
    end();
  }

  private Node block(String name) {
    end();
    Node body = body(Set.of(name));
    end(name);
    return body;
  }

  /** A body that no loop outside can be left from, because its text is kept first. */
  private Node kept(String name) {
    int outside = loops;
    loops = 0;
    Node body = block(name);
    loops = outside;
    return body;
  }

  private Node leave(Token tag, Node.Flow flow) {
    end();
    if (loops == 0) {
      throw new JinjaException("'" + tag.text() + "' stands in no loop", tag.line());
    }
    return (frame, out) -> flow;
  }

  private Node branch() {
    Expr condition = expressions.or();
    end();
    Node then = body(Set.of("elif", "else", "endif"));
    tokens.take(Token.Kind.BLOCK, "'{% endif %}'");
    Token next = tokens.take();
    Node otherwise = (frame, out) -> Node.Flow.NEXT;
    if (next.text().equals("elif")) {
      if (++depth > 10 * DEEPEST) {
        throw new JinjaException("an if has more than 1000 branches", next.line());
      }
      otherwise = Node.at(next.line(), branch());
      depth--;
    } else {
      if (next.text().equals("else")) {
        end();
        otherwise = body(Set.of("endif"));
        tokens.take(Token.Kind.BLOCK, "'{% endif %}'");
        tokens.take();
      }
      end();
    }
    Node last = otherwise;
    return (frame, out) -> (Values.isTrue(condition.value(frame)) ? then : last).render(frame, out);
  }

  private Node loop() {
    Target target = Target.read(tokens);
    if (!tokens.skipName("in")) {
      throw tokens.unexpected("'in'");
    }
    Expr items = withoutCondition();
    Optional<Expr> condition =
        tokens.skipName("if") ? Optional.of(expressions.expression()) : Optional.empty();
    boolean recursive = tokens.skipName("recursive");
    end();
    loops++;
    Node body = body(Set.of("else", "endfor"));
    loops--;
    Node none = (frame, out) -> Node.Flow.NEXT;
    tokens.take(Token.Kind.BLOCK, "'{% endfor %}'");
    if (tokens.take().text().equals("else")) {
      none = block("endfor");
    } else {
      end();
    }
    return new LoopNode(target, items, condition, body, none, recursive);
  }

  /** Values with commas between them, where an {@code if} begins something else. */
  private Expr withoutCondition() {
    Expr first = expressions.or();
    if (!tokens.isOperator(",")) {
      return first;
    }
    List<Expr> items = new ArrayList<>(List.of(first));
    while (tokens.skipOperator(",")) {
      items.add(expressions.or());
    }
    return frame -> new Tuple(items.stream().map(item -> item.value(frame)).toList());
  }

  private Node set() {
    Target target = Target.read(tokens);
    if (tokens.skipOperator("=")) {
      Expr value = expressions.expressionOrTuple();
      end();
      return (frame, out) -> {
        target.set(frame, value.value(frame));
        return Node.Flow.NEXT;
      };
    }
    FilterChain filters = new FilterChain();
    while (tokens.skipOperator("|")) {
      filters.read(expressions, tokens);
    }
    Node body = kept("endset");
    return (frame, out) -> {
      target.set(frame, filters.apply(frame, Macro.text(frame.inner(), body)));
      return Node.Flow.NEXT;
    };
  }

  private Node macro() {
    String name = tokens.name();
    Macro macro = Macro.read(name, expressions, tokens, () -> kept("endmacro"));
    return (frame, out) -> {
      frame.set(name, macro.in(frame));
      return Node.Flow.NEXT;
    };
  }

  private Node call() {
    Macro caller =
        Macro.read(
            "caller",
            expressions,
            tokens,
            () -> {
              throw new IllegalStateException("a call's body follows its expression");
            });
    Expr of = expressions.postfix(expressions.primary());
    Node body = kept("endcall");
    return Macro.calling(caller, of, body);
  }

  private Node filter() {
    FilterChain filters = new FilterChain();
    filters.read(expressions, tokens);
    while (tokens.skipOperator("|")) {
      filters.read(expressions, tokens);
    }
    Node body = kept("endfilter");
    return (frame, out) -> {
      out.add(PythonText.str(filters.apply(frame, Macro.text(frame.inner(), body))));
      return Node.Flow.NEXT;
    };
  }

  private Node with() {
    List<Target> targets = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (tokens.now().kind() != Token.Kind.BLOCK_END) {
      if (!targets.isEmpty()) {
        tokens.operator(",");
      }
      targets.add(Target.read(tokens));
      tokens.operator("=");
      values.add(expressions.expression());
    }
    Node body = block("endwith");
    return (frame, out) -> {
      Frame inner = frame.inner();
      for (int i = 0; i < targets.size(); i++) {
        targets.get(i).set(inner, values.get(i).value(frame));
      }
      return body.render(inner, out);
    };
  }

  /** Text that a model generates: its place is noted, as transformers does. */
  private Node generation() {
    marksBlocks = true;
    Node body = kept("endgeneration");
    return (frame, out) -> {
      int start = frame.run().root().length();
      String text = Macro.text(frame.inner(), body);
      frame.run().spans().add(new JinjaTemplate.Span(start, text));
      out.add(text);
      return Node.Flow.NEXT;
    };
  }

  /** Filters one after another. */
  private static final class FilterChain {
    private final List<Token> names = new ArrayList<>();
    private final List<Postfix.ArgumentList> arguments = new ArrayList<>();

    void read(ExpressionParser expressions, Tokens tokens) {
      names.add(tokens.take(Token.Kind.NAME, "the name of a filter"));
      arguments.add(
          tokens.isOperator("(")
              ? Postfix.ArgumentList.read(expressions, tokens)
              : Postfix.ArgumentList.NONE);
    }

    Object apply(Frame frame, Object start) {
      Object value = start;
      for (int i = 0; i < names.size(); i++) {
        value = Postfix.filter(names.get(i), frame, value, arguments.get(i).values(frame));
      }
      return value;
    }
  }
}
