package io.github.lora4j.djl.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads what stands in brackets: tuples, lists and mappings. The opening one has been taken. */
final class Displays {

  private Displays() {}

  static Expr parentheses(ExpressionParser parser, Tokens tokens) {
    if (tokens.skipOperator(")")) {
      return frame -> Tuple.of();
    }
    Expr value = parser.expressionOrTuple();
    tokens.operator(")");
    return value;
  }

  static Expr list(ExpressionParser parser, Tokens tokens) {
    List<Expr> items = new ArrayList<>();
    while (!tokens.skipOperator("]")) {
      if (!items.isEmpty()) {
        tokens.operator(",");
        if (tokens.skipOperator("]")) {
          break;
        }
      }
      items.add(parser.expression());
    }
    return frame -> values(items, frame);
  }

  static Expr tuple(List<Expr> items) {
    return frame -> new Tuple(values(items, frame));
  }

  private static List<Object> values(List<Expr> items, Frame frame) {
    Work.make(items.size());
    List<Object> values = new ArrayList<>();
    for (Expr item : items) {
      values.add(item.value(frame));
    }
    return values;
  }

  static Expr mapping(ExpressionParser parser, Tokens tokens) {
    List<Expr> keys = new ArrayList<>();
    List<Expr> values = new ArrayList<>();
    while (!tokens.skipOperator("}")) {
      if (!keys.isEmpty()) {
        tokens.operator(",");
        if (tokens.skipOperator("}")) {
          break;
        }
      }
      keys.add(parser.expression());
      tokens.operator(":");
      values.add(parser.expression());
    }
    return frame -> {
      Work.make(keys.size());
      Map<Object, Object> map = new LinkedHashMap<>();
      for (int i = 0; i < keys.size(); i++) {
        map.put(Members.key(keys.get(i).value(frame)), values.get(i).value(frame));
      }
      return map;
    };
  }
}
