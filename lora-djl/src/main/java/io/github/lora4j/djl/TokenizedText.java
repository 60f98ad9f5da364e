package io.github.lora4j.djl;

/**
 * Token ids, and where in the text each of them stands.
 *
 * @param ids token ids
 * @param starts where a token's text begins, Java chars; -1 for a token that was added to the text
 * @param ends where it ends, Java chars; -1 likewise. A character of several tokens is the place of
 *     each
 * @since 0.1.0
 */
@SuppressWarnings("ArrayRecordComponent") // ids by the thousand, as in an example for training
public record TokenizedText(int[] ids, int[] starts, int[] ends) {

  /** Checks the lengths. */
  public TokenizedText {
    if (ids.length != starts.length || ids.length != ends.length) {
      throw new IllegalArgumentException(
          "as many places as ids are wanted, got %d starts and %d ends of %d ids"
              .formatted(starts.length, ends.length, ids.length));
    }
  }
}
