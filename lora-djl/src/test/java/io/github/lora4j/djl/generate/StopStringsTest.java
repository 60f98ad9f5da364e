package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class StopStringsTest {

  @Test
  void beginningOfAStopStringIsHeldBackUntilItIsNone() {
    StopStrings stops = new StopStrings(List.of("###"));

    assertThat(stops.add("a#")).isEqualTo("a");
    assertThat(stops.add("#")).isEmpty();
    assertThat(stops.add("b#")).isEqualTo("##b");
    assertThat(stops.finish()).isEqualTo("#");
    assertThat(stops.found()).isFalse();
  }

  @Test
  void textEndsBeforeAStopStringThatIsSplit() {
    StopStrings stops = new StopStrings(List.of("\n\n#"));

    assertThat(stops.add("answer\n")).isEqualTo("answer");
    assertThat(stops.add("\n")).isEmpty();
    assertThat(stops.add("# more")).isEmpty();
    assertThat(stops.found()).isTrue();
    assertThat(stops.finish()).isEmpty();
  }

  @Test
  void beginningWithinABeginningIsFound() {
    StopStrings stops = new StopStrings(List.of("aab"));

    assertThat(stops.add("aa") + stops.add("ab")).isEqualTo("a");
    assertThat(stops.found()).isTrue();
  }

  @Test
  void firstToBeCompletedCountsHoweverTheTextIsCut() {
    List<String> strings = List.of("abcd", "bc", "cc", "da", "bbab");
    Random random = new Random(11);
    int stopped = 0;
    for (int round = 0; round < 2000; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < 12; i++) {
        text.append((char) ('a' + random.nextInt(4)));
      }
      StopStrings stops = new StopStrings(strings);
      StringBuilder shown = new StringBuilder();
      for (int at = 0; at < text.length() && !stops.found(); ) {
        int end = Math.min(text.length(), at + 1 + random.nextInt(4));
        shown.append(stops.add(text.substring(at, end)));
        at = end;
      }
      shown.append(stops.finish());

      String expected = firstCompleted(text.toString(), strings);
      assertThat(shown.toString()).as("text %s", text).isEqualTo(expected);
      assertThat(stops.found()).isEqualTo(expected.length() < text.length());
      stopped += stops.found() ? 1 : 0;
    }
    assertThat(stopped).isBetween(500, 1999);
  }

  private static String firstCompleted(String text, List<String> strings) {
    for (int end = 1; end <= text.length(); end++) {
      int start = end;
      for (String string : strings) {
        if (text.substring(0, end).endsWith(string)) {
          start = Math.min(start, end - string.length());
        }
      }
      if (start < end) {
        return text.substring(0, start);
      }
    }
    return text;
  }
}
