package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** RFC 4180, read strictly. */
final class CsvRecordsTest {

  @TempDir Path temp;
  private Path file;

  @BeforeEach
  void name() {
    file = temp.resolve("records.csv");
  }

  private List<Map<String, String>> read(String text) throws IOException {
    Files.writeString(file, text);
    return TextDataset.read(file).records();
  }

  @Test
  void rowsAreRecordsOfTheHeadersColumns() throws IOException {
    assertThat(read("question,answer\nwhy,no\n,\"\"\n"))
        .containsExactly(
            Map.of("question", "why", "answer", "no"), Map.of("question", "", "answer", ""));
  }

  @Test
  void quotesCommasAndLineBreaksStandInQuotes() throws IOException {
    assertThat(read("a,b\n\"x, \"\"y\"\"\",\"1\r\n2\n3\"\n"))
        .containsExactly(Map.of("a", "x, \"y\"", "b", "1\r\n2\n3"));
  }

  @Test
  void anyLineEndAndNoneAtTheLastLineWillDo() throws IOException {
    List<Map<String, String>> expected =
        List.of(Map.of("a", "1", "b", "2"), Map.of("a", "3", "b", "4"));

    for (String end : List.of("\n", "\r\n", "\r")) {
      String text = String.join(end, "a,b", "1,2", "", "3,4");
      assertThat(read(text)).isEqualTo(expected);
      assertThat(read(end + text + end + end)).isEqualTo(expected);
    }
  }

  @Test
  void byteOrderMarkIsNoPartOfTheFirstColumn() throws IOException {
    assertThat(read("\uFEFFa,b\n1,ö\n")).containsExactly(Map.of("a", "1", "b", "ö"));
    assertThat(read("\uFEFF\"a\",b\n1,2\n")).containsExactly(Map.of("a", "1", "b", "2"));
  }

  @Test
  void blanksBelongToTheirFields() throws IOException {
    assertThat(read("a,b\n 1 , 2\t\n")).containsExactly(Map.of("a", " 1 ", "b", " 2\t"));
  }

  @Test
  void headerWithoutRowsIsNoRecord() throws IOException {
    assertThat(read("a,b\n")).isEmpty();
  }

  @Test
  void whatIsWrittenInQuotesComesBack() throws IOException {
    Random random = new Random(11);
    String alphabet = "a,\"\n\r ö😀";
    for (int run = 0; run < 50; run++) {
      List<Map<String, String>> written = new ArrayList<>();
      StringBuilder text = new StringBuilder("x,y\r\n");
      for (int row = 0; row < 5; row++) {
        String x = letters(random, alphabet);
        String y = letters(random, alphabet);
        written.add(Map.of("x", x, "y", y));
        text.append(quoted(x)).append(',').append(quoted(y)).append("\r\n");
      }

      assertThat(read(text.toString())).as("run " + run).isEqualTo(written);
    }
  }

  private static String letters(Random random, String alphabet) {
    int[] letters = alphabet.codePoints().toArray();
    int[] chosen = random.ints(random.nextInt(6), 0, letters.length).map(i -> letters[i]).toArray();
    return new String(chosen, 0, chosen.length);
  }

  private static String quoted(String field) {
    return '"' + field.replace("\"", "\"\"") + '"';
  }

  @Test
  void refusalsNameFileAndLine() {
    assertRefused("", "is empty; wanted a line with the names of the columns");
    assertRefused("a,b,a\n1,2,3\n", "line 1: a column stands twice in [a, b, a]");
    assertRefused("a,b\n\"1\n1\",2\n3\n", "line 4: has 1 fields, the header has 2: [a, b]");
    assertRefused("a,b\r\n\r\n1,2,3\r\n", "line 3: has 3 fields, the header has 2: [a, b]");
    assertRefused(
        "a,b\n1,5\" pipe\n",
        "line 2: a quote stands after '5'; such a field is quoted, its quotes twice");
    assertRefused("a,b\n1,\"x\ny\"z\n", "line 3: 'z' follows a closing quote");
  }

  @Test
  void fileCutInsideQuotesIsNoShorterFile() {
    assertRefused(
        "a,b\n1,2\n3,\"half a",
        "line 3: a quoted field is never closed; the file may have been cut");
  }

  private void assertRefused(String text, String message) {
    assertThatThrownBy(() -> read(text))
        .isInstanceOf(LoraException.class)
        .hasMessage(file + ": " + message);
  }

  @Test
  void otherEncodingsAreRefused() throws IOException {
    Files.write(file, "a\nö\n".getBytes(StandardCharsets.ISO_8859_1));

    assertThatThrownBy(() -> TextDataset.read(file))
        .isInstanceOf(LoraException.class)
        .hasMessage(file + ": is no UTF-8 text");
  }
}
