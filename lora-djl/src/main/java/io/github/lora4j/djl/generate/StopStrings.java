package io.github.lora4j.djl.generate;

import java.util.List;

/**
 * Looks for stop strings in a text that comes in pieces, and holds back what may yet turn out to be
 * the beginning of one. The first to be completed counts, wherever the pieces were cut.
 */
final class StopStrings {

  private final List<String> strings;
  private String held = "";
  private boolean found;

  StopStrings(List<String> strings) {
    this.strings = strings;
  }

  /** Whether a stop string was completed. */
  boolean found() {
    return found;
  }

  /**
   * Adds a piece.
   *
   * @param piece the next characters
   * @return what stands before a stop string, or what can no longer belong to one
   */
  String add(String piece) {
    held += piece;
    int start = -1;
    int end = Integer.MAX_VALUE;
    for (String string : strings) {
      int at = held.indexOf(string);
      int after = at + string.length();
      if (at >= 0 && (after < end || (after == end && at < start))) {
        start = at;
        end = after;
      }
    }
    found = start >= 0;
    return release(found ? start : held.length() - longestBeginning());
  }

  /**
   * What was held back when no more text comes.
   *
   * @return empty after a stop string
   */
  String finish() {
    return found ? "" : release(held.length());
  }

  private String release(int length) {
    String text = held.substring(0, length);
    held = held.substring(length);
    return text;
  }

  /** Length of the longest end of the text that is a beginning of a stop string. */
  private int longestBeginning() {
    int longest = 0;
    for (String string : strings) {
      for (int length = Math.min(string.length() - 1, held.length()); length > longest; length--) {
        if (held.endsWith(string.substring(0, length))) {
          longest = length;
        }
      }
    }
    return longest;
  }
}
