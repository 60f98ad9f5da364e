package io.github.lora4j.djl.data;

/**
 * What to do with examples that are longer than a limit.
 *
 * @param mode the policy
 * @param maxTokens limit of an example, tokens
 * @since 0.1.0
 */
public record Truncation(Mode mode, int maxTokens) {

  /** The policies. */
  public enum Mode {
    /** Leave every example whole. */
    NONE,
    /** Refuse the dataset, naming the first long example. */
    REFUSE,
    /** Leave long examples out. */
    SKIP,
    /** Keep the first tokens; the answer may be lost. */
    KEEP_START,
    /** Keep the last tokens; the start of the context may be lost. */
    KEEP_END
  }

  /** Checks the limit. */
  public Truncation {
    if (mode != Mode.NONE && maxTokens < 2) {
      throw new IllegalArgumentException(
          "a limit of at least 2 tokens is wanted, got " + maxTokens);
    }
  }

  /**
   * No limit.
   *
   * @return the policy that changes nothing
   */
  public static Truncation none() {
    return new Truncation(Mode.NONE, Integer.MAX_VALUE);
  }

  /**
   * Leaves long examples out.
   *
   * @param maxTokens limit
   * @return the policy
   */
  public static Truncation skip(int maxTokens) {
    return new Truncation(Mode.SKIP, maxTokens);
  }

  /**
   * Keeps the first tokens.
   *
   * @param maxTokens limit
   * @return the policy
   */
  public static Truncation keepStart(int maxTokens) {
    return new Truncation(Mode.KEEP_START, maxTokens);
  }

  /**
   * Keeps the last tokens.
   *
   * @param maxTokens limit
   * @return the policy
   */
  public static Truncation keepEnd(int maxTokens) {
    return new Truncation(Mode.KEEP_END, maxTokens);
  }

  /**
   * Refuses long examples.
   *
   * @param maxTokens limit
   * @return the policy
   */
  public static Truncation refuse(int maxTokens) {
    return new Truncation(Mode.REFUSE, maxTokens);
  }
}
