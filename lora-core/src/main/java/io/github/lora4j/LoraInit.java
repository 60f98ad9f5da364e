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
  RANDOM,
  /**
   * A and B from the largest singular values of the base's matrix (PiSSA), which is not changed:
   * what A and B start as is taken off beside it, by a second half of the ranks that is not
   * trained. An adapter so started stands in memory and in its files as plain LoRA of twice the
   * rank, which any base of the kind takes as it is.
   *
   * @see <a href="https://arxiv.org/abs/2404.02948">Meng et al. 2024</a>
   */
  PISSA,
  /**
   * A and B from the QR decomposition of the base's matrix (OLoRA), else as {@link #PISSA}.
   *
   * @see <a href="https://arxiv.org/abs/2406.01775">Büyükakyüz 2024</a>
   */
  OLORA;

  /** Whether the start is a part of the base, to be taken off beside it. */
  boolean takesFromBase() {
    return this == PISSA || this == OLORA;
  }
}
