package io.github.lora4j.djl.jinja;

import io.github.lora4j.djl.jinja.JinjaTemplate.Span;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;

/** One rendering: what it may still compute, the time it shows, the blocks it marked. */
final class Run {

  /** Steps and characters of one rendering of a short conversation, far more than any takes. */
  static final long BUDGET = 20_000_000;

  /** More for each character of what is rendered: templates go through it a few dozen times. */
  private static final long EACH = 100;

  private static final int MOST_CALLS = 150; // inside one another, of macros

  private final LocalDateTime now;
  private final Output root = new Output(this);
  private final List<Span> spans = new ArrayList<>();
  private final long budget;
  private long left;
  private int depth;

  /** A rendering of values with so many characters. */
  Run(LocalDateTime now, long characters) {
    this.now = now;
    this.budget = BUDGET + EACH * characters;
    this.left = budget;
  }

  LocalDateTime now() {
    return now;
  }

  /** What the template itself writes to. */
  Output root() {
    return root;
  }

  /** Blocks of generated text, as places in the root's text. */
  List<Span> spans() {
    return spans;
  }

  /** Pays for work or memory, before it is done where it may be much. */
  void charge(long amount) {
    left -= amount;
    if (amount < 0 || left < 0) {
      throw new JinjaException(
          "the template computes more than %d steps and characters".formatted(budget));
    }
  }

  void enter() {
    if (++depth > MOST_CALLS) {
      throw new JinjaException("macros call one another more than " + MOST_CALLS + " deep");
    }
  }

  void leave() {
    depth--;
  }
}
