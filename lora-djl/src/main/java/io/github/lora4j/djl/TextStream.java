package io.github.lora4j.djl;

import java.util.Arrays;

/**
 * Tokens to text as they come, whole characters only: a token may end in the middle of a character,
 * and then waits for the next ones. All pieces together are what {@link Tokenizer#decode(int[])}
 * makes of all tokens. For one text, on one thread at a time.
 *
 * <p>Only the tokens since the last whole character are decoded again, after those before them,
 * because some decoders treat the beginning of a text in another way.
 *
 * @since 0.1.0
 */
public final class TextStream {

  private static final String INCOMPLETE = "\uFFFD";

  private final Tokenizer tokenizer;
  private int[] window = new int[0];
  private int shown; // tokens of the window whose text is out
  private String before = ""; // their text
  private boolean inBytes;
  private String held = ""; // of a tokenizer that cleans up: what may yet lose a space

  TextStream(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * Adds a token.
   *
   * @param id its id
   * @return the characters that it completes, often none
   */
  public String add(int id) {
    window = Arrays.copyOf(window, window.length + 1);
    window[window.length - 1] = id;
    // Whether a run of single bytes is text is known at its end: one bad byte spoils all of it.
    inBytes = tokenizer.isByte(id) || (inBytes && tokenizer.isSpecial(id));
    if (inBytes) {
      return "";
    }
    String text = tokenizer.decodeAsIs(window, true);
    if (text.length() <= before.length() || text.endsWith(INCOMPLETE)) {
      return "";
    }
    String fresh = text.substring(before.length());
    window = Arrays.copyOfRange(window, shown, window.length);
    shown = window.length;
    before = tokenizer.decodeAsIs(window, true);
    return cleaned(fresh, false);
  }

  /**
   * What still waits when no more tokens come.
   *
   * @return the rest; U+FFFD for each piece of a character that was never completed
   */
  public String finish() {
    String rest = tokenizer.decodeAsIs(window, true).substring(before.length());
    window = new int[0];
    shown = 0;
    before = "";
    inBytes = false;
    return cleaned(rest, true);
  }

  private String cleaned(String fresh, boolean last) {
    if (!tokenizer.cleansUp()) {
      return fresh;
    }
    held += fresh;
    int cut = last ? held.length() : CleanUp.cut(held);
    String piece = CleanUp.of(held.substring(0, cut));
    held = held.substring(cut);
    return piece;
  }
}
