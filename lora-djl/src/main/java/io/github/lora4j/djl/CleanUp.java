package io.github.lora4j.djl;

/**
 * Takes spaces before punctuation out of decoded text, as transformers does for some tokenizers.
 */
final class CleanUp {

  private static final String[][] REPLACEMENTS = {
    {" .", "."},
    {" ?", "?"},
    {" !", "!"},
    {" ,", ","},
    {" ' ", "'"},
    {" n't", "n't"},
    {" 'm", "'m"},
    {" 's", "'s"},
    {" 've", "'ve"},
    {" 're", "'re"}
  };

  private CleanUp() {}

  /**
   * Where a text can be cut without a difference: before the last space that follows a letter or
   * digit. All that is replaced begins with a space, and what has a space inside has none there.
   */
  static int cut(String text) {
    for (int i = text.length() - 1; i > 0; i--) {
      if (text.charAt(i) == ' ' && Character.isLetterOrDigit(text.charAt(i - 1))) {
        return i;
      }
    }
    return 0;
  }

  static String of(String text) {
    String clean = text;
    for (String[] replacement : REPLACEMENTS) {
      clean = clean.replace(replacement[0], replacement[1]);
    }
    return clean;
  }
}
