package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From texts to tokens and labels. */
final class TrainingDatasetTest {

  private static final PromptTemplate TEMPLATE = PromptTemplate.of("ask {question}\n{answer}</s>");
  private static final Map<String, String> SHORT = Map.of("question", "why", "answer", "no");
  private static final Map<String, String> LONG =
      Map.of("question", "why on earth, why?", "answer", "because");

  private final Tokenizer tokenizer =
      Tokenizer.load(Path.of("src/test/resources/golden/bloom/power-of-two/checkpoint"));

  TrainingDatasetTest() throws IOException {}

  @AfterEach
  void close() {
    tokenizer.close();
  }

  @Test
  void allTokensAreLabelsByDefault() {
    TokenExample example = new TextDataset(List.of(SHORT)).toTraining(TEMPLATE, tokenizer).get(0);

    assertThat(example.tokens()).isEqualTo(tokenizer.encode("ask why\nno</s>"));
    assertThat(example.labels()).isEqualTo(example.tokens());
    int last = example.tokens()[example.tokens().length - 1];
    assertThat(last).isEqualTo(tokenizer.eosId().orElseThrow());
  }

  @Test
  void answerOnlyLabelsTheAnswerAndItsEnd() {
    TokenExample example = encode(Labels.ANSWER_ONLY, Truncation.none(), SHORT).get(0);

    int[] prompt = tokenizer.encode("ask why\n");
    for (int i = 0; i < example.tokens().length; i++) {
      int expected = i < prompt.length ? TokenExample.IGNORE : example.tokens()[i];
      assertThat(example.labels()[i]).isEqualTo(expected);
    }
    assertThat(labelled(example)).isEqualTo("no</s>");
  }

  @Test
  void tokenAcrossTheBorderBelongsToTheAnswer() {
    // the golden tokenizer has one merge: a space and a t are one token
    PromptTemplate template = PromptTemplate.of("say {answer}");
    TokenExample example =
        new TextDataset(List.of(Map.of("answer", "to")))
            .toTraining(template, tokenizer, Labels.ANSWER_ONLY, Truncation.none())
            .get(0);

    assertThat(tokenizer.encode("say ")).hasSize(4);
    assertThat(example.tokens()).hasSize(5);
    assertThat(labelled(example)).isEqualTo(" to");
  }

  private String labelled(TokenExample example) {
    int[] kept = Arrays.stream(example.labels()).filter(id -> id != TokenExample.IGNORE).toArray();
    return tokenizer.decode(kept, false);
  }

  @Test
  void truncationCutsWhereItSays() {
    int[] whole = encode(Labels.ALL_TOKENS, Truncation.none(), LONG).get(0).tokens();

    TokenExample start = encode(Labels.ALL_TOKENS, Truncation.keepStart(5), SHORT, LONG).get(1);
    TokenExample end = encode(Labels.ANSWER_ONLY, Truncation.keepEnd(5), SHORT, LONG).get(1);

    assertThat(start.tokens()).isEqualTo(Arrays.copyOf(whole, 5));
    assertThat(start.labels()).isEqualTo(start.tokens());
    assertThat(end.tokens()).isEqualTo(Arrays.copyOfRange(whole, whole.length - 5, whole.length));
    assertThat(labelled(end)).isEqualTo("ause</s>");
  }

  @Test
  void longExamplesMayBeSkippedOrRefused() {
    int limit = encode(Labels.ALL_TOKENS, Truncation.none(), SHORT).get(0).tokens().length;

    TrainingDataset kept = encode(Labels.ALL_TOKENS, Truncation.skip(limit), LONG, SHORT, LONG);

    assertThat(kept.size()).isEqualTo(1);
    assertThat(kept.get(0).tokens()).hasSize(limit);
    assertThatThrownBy(() -> encode(Labels.ALL_TOKENS, Truncation.refuse(limit), SHORT, LONG))
        .isInstanceOf(LoraException.class)
        .hasMessageMatching(
            "example 1 has \\d+ tokens, the limit is " + limit + "; choose another truncation");
    assertThat(encode(Labels.ALL_TOKENS, Truncation.refuse(limit), SHORT).size()).isEqualTo(1);
  }

  @Test
  void limitThatLeavesNothingToPredictIsRefused() {
    assertThatThrownBy(() -> Truncation.skip(1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a limit of at least 2 tokens is wanted, got 1");
  }

  private TrainingDataset encode(Labels labels, Truncation truncation, Map<?, ?>... records) {
    List<Map<String, String>> typed = new ArrayList<>();
    for (Map<?, ?> record : records) {
      typed.add(
          Map.of(
              "question", String.valueOf(record.get("question")),
              "answer", String.valueOf(record.get("answer"))));
    }
    return new TextDataset(typed).toTraining(TEMPLATE, tokenizer, labels, truncation);
  }

  @Test
  void rowsOfTokensAreTheirOwnLabels() {
    TrainingDataset dataset = TokenDataset.of(List.of(new int[] {1, 2, 3}, new int[] {4, 5}));

    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.get(1).tokens()).containsExactly(4, 5);
    assertThat(dataset.get(1).labels()).containsExactly(4, 5);
  }

  @Test
  void examplesNeedTokensAndAsManyLabels() {
    assertThatThrownBy(() -> TokenDataset.of(List.of(new int[0])))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("an example needs tokens and as many labels, got 0 and 0");
    assertThatThrownBy(() -> new TokenExample(new int[2], new int[3]))
        .hasMessage("an example needs tokens and as many labels, got 2 and 3");
  }

  @Test
  void jsonLinesAreRead(@TempDir Path temp) throws IOException {
    Path file = temp.resolve("records.jsonl");
    Files.writeString(
        file, "{\"question\": \"why\", \"answer\": \"no\"}\n\n{\"question\": \"ö\"}\n");

    assertThat(TextDataset.readJsonLines(file).records())
        .containsExactly(SHORT, Map.of("question", "ö"));
  }

  @Test
  void linesThatAreNoRecordsAreNamed(@TempDir Path temp) throws IOException {
    Path file = temp.resolve("records.jsonl");
    for (String line : List.of("[]", "{\"a\": null", "{\"a\"", "{} {}", "text")) {
      Files.writeString(file, "{\"a\": \"b\"}\n\n" + line + "\n");

      assertThatThrownBy(() -> TextDataset.readJsonLines(file))
          .isInstanceOf(LoraException.class)
          .message()
          .startsWith(file + ": line 3 is no JSON object: ")
          .hasLineCount(1)
          .doesNotContain("https://");
    }
    Files.write(file, new byte[] {(byte) 0xFF, (byte) 0xFE});
    assertThatThrownBy(() -> TextDataset.readJsonLines(file))
        .isInstanceOf(LoraException.class)
        .hasMessage(file + ": is no UTF-8 text");
  }
}
