package io.github.lora4j.djl.train;

import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong with options, so that one exception can name all of it. */
final class OptionChecks {

  private final List<String> problems = new ArrayList<>();

  void check(String name, double value, boolean good, String wanted) {
    if (!good) {
      problems.add("%s must be %s, got %s".formatted(name, wanted, value));
    }
  }

  void atLeast(String name, int value, int least) {
    if (value < least) {
      problems.add("%s must be at least %d, got %d".formatted(name, least, value));
    }
  }

  void positive(String name, double value) {
    check(name, value, value > 0 && Double.isFinite(value), "positive and finite");
  }

  void notNegative(String name, double value) {
    check(name, value, value >= 0 && Double.isFinite(value), "at least 0 and finite");
  }

  void belowOne(String name, double value) {
    check(name, value, value >= 0 && value < 1, "at least 0 and below 1");
  }

  void needsDirectory(String name, boolean wanted) {
    if (wanted) {
      problems.add(name + " needs a checkpointDirectory");
    }
  }

  void notBoth(String name, boolean wanted, String other, boolean otherWanted) {
    if (wanted && otherWanted) {
      problems.add(
          "%s and %s each ask for an order of the data; choose one".formatted(name, other));
    }
  }

  void throwIfAny() {
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException("training options: " + String.join("; ", problems));
    }
  }
}
