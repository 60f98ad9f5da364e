package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of records, and the template over their columns. */
final class TextDatasetTest {

  private static final List<Map<String, String>> TWO =
      List.of(Map.of("q", "why", "a", "no"), Map.of("q", "ö\n", "a", ""));

  @TempDir Path temp;

  private Path write(String name, String text) throws IOException {
    return Files.writeString(temp.resolve(name), text);
  }

  @Test
  void oneSetOfRecordsIsReadFromEveryKindOfFile() throws IOException {
    String lines = "{\"q\": \"why\", \"a\": \"no\"}\n\n{\"q\": \"ö\\n\", \"a\": \"\"}";
    String array = " \n[{\"q\": \"why\", \"a\": \"no\"},\n {\"q\": \"ö\\n\", \"a\": \"\"}]\n";
    List<Path> files =
        List.of(
            write("records.jsonl", lines),
            write("records.ndjson", lines + "\n"),
            write("lines.json", lines),
            write("marked.jsonl", "\uFEFF" + lines),
            write("array.json", array),
            write("MARKED.JSON", "\uFEFF" + array),
            write("records.csv", "q,a\r\nwhy,no\r\n\"ö\n\",\r\n"));

    for (Path file : files) {
      TextDataset dataset = TextDataset.read(file);

      assertThat(dataset.records()).as(file.toString()).isEqualTo(TWO);
      assertThat(dataset.columns()).as(file.toString()).containsExactly("q", "a");
      assertThat(dataset.size()).isEqualTo(2);
    }
    assertThat(TextDataset.read(files).size()).isEqualTo(14);
  }

  @Test
  void plainValuesAreTextsAndOthersAreNoColumns() throws IOException {
    Path file =
        write(
            "mixed.jsonl",
            "{\"i\": 7, \"d\": 1.50, \"b\": true, \"n\": null, \"l\": [1, {\"x\": 2}], \"o\": {}}");

    TextDataset dataset = TextDataset.read(file);

    assertThat(dataset.records()).containsExactly(Map.of("i", "7", "d", "1.50", "b", "true"));
    assertThat(dataset.columns()).containsExactly("i", "d", "b");
  }

  @Test
  void firstRecordsAreASmallerDataset() throws IOException {
    Path file = write("records.csv", "q,a\n1,2\n3,4\n");

    assertThat(TextDataset.read(file).limit(1).records())
        .containsExactly(Map.of("q", "1", "a", "2"));
    assertThat(TextDataset.read(file).limit(9).size()).isEqualTo(2);
    assertThat(new TextDataset(TWO).limit(1).records()).isEqualTo(TWO.subList(0, 1));
  }

  @Test
  void nameOfAnotherKindIsRefused() {
    assertThatThrownBy(() -> TextDataset.read(Path.of("train.parquet")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "a file of records ends in .json, .jsonl, .ndjson or .csv, got 'train.parquet'");
    assertThatThrownBy(() -> TextDataset.read(temp.resolve("none.csv")))
        .isInstanceOf(NoSuchFileException.class);
  }

  @Test
  void refusalsNameFileAndLine() throws IOException {
    assertRefused("records.jsonl", "{}\n\n{\"a\": 1,}\n", "line 3 is no JSON object: ");
    assertRefused("records.jsonl", "{}\n{'a': 1}\n", "line 2 is no JSON object: ");
    assertRefused("records.jsonl", "{}\n{\"a\": 1} {}\n", "line 2 is no JSON object: ");
    assertRefused("records.jsonl", "{\"a\": 1, \"a\": 2}\n", "line 1: column 'a' stands twice");
    assertRefused("array.json", "[{},\n{\"a\": 1, \"a\": 2}]", "line 2: column 'a' stands twice");
    assertRefused(
        "array.json", "[{},\n{\"a\": \n 1", "wanted an array of objects: End of input at line 3");
    assertRefused("array.json", "[{}, \n3]", "wanted an array of objects: Expected BEGIN_OBJECT");
    assertRefused("array.json", "[{}] {}", "wanted an array of objects: ");
    assertRefused("text.json", "", "wanted an array of objects, or an object a line");
    assertRefused("text.json", "\"text\"", "wanted an array of objects, or an object a line");
  }

  private void assertRefused(String name, String text, String message) throws IOException {
    Path file = write(name, text);

    assertThatThrownBy(() -> TextDataset.read(file))
        .isInstanceOf(LoraException.class)
        .message()
        .startsWith(file + ": " + message)
        .hasLineCount(1)
        .doesNotContain("https://");
  }

  @Test
  void templateLabelsTheAnswerOnly() throws IOException {
    Path file = write("records.csv", "id,question,answer\n1,why,no\n");

    try (Tokenizer tokenizer = tokenizer()) {
      TokenExample example =
          TextDataset.read(file)
              .toTraining(
                  PromptTemplate.of("{question}\n{answer}</s>"),
                  tokenizer,
                  Labels.ANSWER_ONLY,
                  Truncation.none())
              .get(0);

      int[] labelled =
          Arrays.stream(example.labels()).filter(id -> id != TokenExample.IGNORE).toArray();
      assertThat(tokenizer.decode(example.tokens(), false)).isEqualTo("why\nno</s>");
      assertThat(tokenizer.decode(labelled, false)).isEqualTo("no</s>");
    }
  }

  @Test
  void unknownColumnIsRefusedWithThoseThatExist() throws IOException {
    TextDataset dataset = TextDataset.read(write("records.csv", "question,answer\nwhy,no\n"));

    try (Tokenizer tokenizer = tokenizer()) {
      assertThatThrownBy(
              () -> dataset.toTraining(PromptTemplate.of("{questoin}\n{answer}"), tokenizer))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("the template wants column 'questoin'; the records have [question, answer]");
    }
  }

  @Test
  void recordWithoutAColumnIsNamed() throws IOException {
    Path file =
        write("records.jsonl", "{\"q\": \"why\", \"a\": \"no\"}\n\n{\"q\": \"so\", \"a\": null}\n");
    PromptTemplate template = PromptTemplate.of("{q}\n{a}");

    try (Tokenizer tokenizer = tokenizer()) {
      assertThatThrownBy(() -> TextDataset.read(file).toTraining(template, tokenizer))
          .isInstanceOf(LoraException.class)
          .hasMessage(file + ": line 3 has no text in column 'a', which the template wants");
      assertThatThrownBy(
              () ->
                  new TextDataset(List.of(Map.of("q", "", "a", ""), Map.of("a", "")))
                      .toTraining(template, tokenizer))
          .hasMessage("example 1 has no text in column 'q', which the template wants");
    }
  }

  @Test
  void longRecordIsNamed() throws IOException {
    Path file = write("records.csv", "q,a\nw,n\n\nwhy on earth,because\n");
    PromptTemplate template = PromptTemplate.of("{q}\n{a}");

    try (Tokenizer tokenizer = tokenizer()) {
      assertThatThrownBy(
              () ->
                  TextDataset.read(file)
                      .toTraining(template, tokenizer, Labels.ALL_TOKENS, Truncation.refuse(5)))
          .isInstanceOf(LoraException.class)
          .hasMessageMatching(".*records.csv: line 4 has \\d+ tokens, the limit is 5; .*");
    }
  }

  private static Tokenizer tokenizer() throws IOException {
    return Tokenizer.load(Path.of("src/test/resources/golden/bloom/power-of-two/checkpoint"));
  }
}
