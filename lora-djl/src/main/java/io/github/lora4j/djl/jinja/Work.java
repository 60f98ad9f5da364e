package io.github.lora4j.djl.jinja;

import org.jspecify.annotations.Nullable;

/**
 * What computing costs where no frame is at hand: comparing values, writing them as text, going
 * through them. The rendering that runs on this thread pays, before the work is done, so that no
 * template makes a small step out of much time or memory.
 */
final class Work {

  /** Objects cost what so many characters do. */
  private static final long OBJECT = 16;

  private static final ThreadLocal<@Nullable Run> PAYER = new ThreadLocal<>();

  private Work() {}

  /** From now on this rendering pays on this thread; none after null. */
  static void paidBy(@Nullable Run run) {
    if (run == null) {
      PAYER.remove();
    } else {
      PAYER.set(run);
    }
  }

  /** For steps that make nothing, or characters that are made. */
  static void pay(long amount) {
    Run run = PAYER.get();
    if (run != null) {
      run.charge(amount);
    }
  }

  /** For looking at characters that are there, which is much faster than making them. */
  static void scan(long characters) {
    pay(1 + characters / 8);
  }

  /** For looking for a part in a text, which may look at the part at every place. */
  static void search(long characters, long part) {
    pay(1 + characters * (8 + part) / 64);
  }

  /** For objects: the texts of a list, the entries of a mapping. */
  static void make(long objects) {
    pay(Math.multiplyExact(OBJECT, objects));
  }

  /** For hashing a value: a tuple is as much as all that is in it. */
  static void hash(Object value) {
    pay(1);
    if (value instanceof Tuple tuple) {
      tuple.items().forEach(Work::hash);
    } else if (Values.isText(value)) {
      scan(PythonText.str(value).length());
    }
  }
}
