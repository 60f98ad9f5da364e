package io.github.lora4j.djl.data;

/**
 * A tokenised text with labels, in the convention of Hugging Face: a label stands at the position
 * of its own token, {@link #IGNORE} where the position does not count.
 *
 * @param tokens ids
 * @param labels of the same length
 * @since 0.1.0
 */
@SuppressWarnings(
    "ArrayRecordComponent") // millions of ids: lists of boxes would be five times that
public record TokenExample(int[] tokens, int[] labels) {

  /** Label of a position that does not count. */
  public static final int IGNORE = -100;

  /** Checks the lengths. */
  public TokenExample {
    if (tokens.length == 0 || tokens.length != labels.length) {
      throw new IllegalArgumentException(
          "an example needs tokens and as many labels, got %d and %d"
              .formatted(tokens.length, labels.length));
    }
  }

  /**
   * Every token is its own label.
   *
   * @param tokens ids
   * @return the example
   */
  public static TokenExample of(int[] tokens) {
    return new TokenExample(tokens, tokens);
  }
}
