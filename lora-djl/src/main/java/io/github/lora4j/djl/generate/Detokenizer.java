package io.github.lora4j.djl.generate;

import io.github.lora4j.djl.Tokenizer;
import java.util.Arrays;

/**
 * Tokens to text as they come, whole characters only: a byte-level token may end in the middle of a
 * character, which a decoder shows as U+FFFD; such tokens wait for the next ones.
 *
 * <p>Only the tokens since the last whole character are decoded again, after those before them,
 * because some decoders treat the beginning of a text in another way.
 */
final class Detokenizer {

  private static final String INCOMPLETE = "\uFFFD";

  private final Tokenizer tokenizer;
  private int[] window = new int[0];
  private int shown;
  private String before = "";

  Detokenizer(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * Adds a token.
   *
   * @param id its id
   * @return the characters that it completes, often none
   */
  String add(int id) {
    window = Arrays.copyOf(window, window.length + 1);
    window[window.length - 1] = id;
    String text = tokenizer.decode(window);
    if (text.length() <= before.length() || text.endsWith(INCOMPLETE)) {
      return "";
    }
    String fresh = text.substring(before.length());
    window = Arrays.copyOfRange(window, shown, window.length);
    shown = window.length;
    before = tokenizer.decode(window);
    return fresh;
  }

  /**
   * What still waits when no more tokens come.
   *
   * @return U+FFFD for each piece of a character that was never completed
   */
  String finish() {
    return tokenizer.decode(window).substring(before.length());
  }
}
