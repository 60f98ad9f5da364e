package io.github.lora4j.io;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a pickle of tensors consists of. Nothing here looks into itself: values may hold cycles. */
sealed interface PickleValue {

  /** Python's {@code None}. */
  enum Nothing implements PickleValue {
    /** The only one. */
    NONE
  }

  record Text(String text) implements PickleValue {}

  record Whole(BigInteger number) implements PickleValue {}

  record Flag(boolean flag) implements PickleValue {}

  record Tuple(List<PickleValue> items) implements PickleValue {

    static final Tuple EMPTY = new Tuple(List.of());
  }

  /** The name of something in Python; one of those that mean something here. */
  record Name(TorchGlobal global) implements PickleValue {}

  record Storage(TorchStorage storage) implements PickleValue {}

  record Tensor(TorchTensor tensor) implements PickleValue {}

  /** A list, which grows while the pickle is read. */
  final class Items implements PickleValue {
    final List<PickleValue> items = new ArrayList<>();
  }

  /** A dictionary, which grows while the pickle is read. */
  final class Dict implements PickleValue {
    private static final int FEW = 4;

    final boolean ordered;
    final Map<String, PickleValue> entries = new LinkedHashMap<>(FEW);

    Dict(boolean ordered) {
      this.ordered = ordered;
    }
  }

  /** What a message calls a value; never its content, which may be as long as the file. */
  static String describe(PickleValue value) {
    if (value instanceof Name name) {
      return name.global().name();
    } else if (value instanceof Text) {
      return "a text";
    } else if (value instanceof Whole) {
      return "a number";
    } else if (value instanceof Flag) {
      return "a truth value";
    } else if (value instanceof Tuple) {
      return "a tuple";
    } else if (value instanceof Items) {
      return "a list";
    } else if (value instanceof Dict) {
      return "a dictionary";
    } else if (value instanceof Storage) {
      return "a storage";
    }
    return value instanceof Tensor ? "a tensor" : "None";
  }
}
