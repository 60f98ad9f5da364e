package io.github.lora4j;

/**
 * How A and B start.
 *
 * @since 0.1.0
 */
public enum LoraInit {
  /** A uniform in ±1/√in (Kaiming with a = √5), B zero: a fresh adapter changes nothing. */
  KAIMING,
  /** A normal with standard deviation 1/r, B zero. */
  GAUSSIAN,
  /** A and B both random, so that a fresh adapter does change outputs: for tests. */
  RANDOM
}
