package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SquadReaderTest {

  private static final String QUESTION =
      """
      {"id": "%s", "question": "Who?", "is_impossible": false,
       "answers": [{"text": "%s", "answer_start": %s}]}
      """;

  private final Path file;

  SquadReaderTest(@TempDir Path temp) {
    file = temp.resolve("squad.json");
  }

  @Test
  void versionTwoIsRead() throws IOException {
    write(
        """
        {"version": "v2.0", "data": [{"title": "Moon", "paragraphs": [
          {"qas": [
            {"question": "How far?", "id": "1", "is_impossible": false,
             "answers": [{"text": "384,400 km", "answer_start": 16}, {"text": "384,400", "answer_start": 16}]},
            {"question": "How old?", "id": "2", "is_impossible": true, "answers": [],
             "plausible_answers": [{"text": "Moon", "answer_start": 4}]}],
           "context": "The Moon orbits 384,400 km away."}]}]}
        """);

    SquadDataset dataset = SquadDataset.read(file);

    assertThat(dataset.size()).isEqualTo(2);
    SquadExample first = dataset.examples().get(0);
    assertThat(first.id()).isEqualTo("1");
    assertThat(first.title()).isEqualTo("Moon");
    assertThat(first.context()).isEqualTo("The Moon orbits 384,400 km away.");
    assertThat(first.answers()).hasSize(2);
    assertThat(first.impossible()).isFalse();
    assertThat(first.prompt(PromptTemplate.SQUAD))
        .isEqualTo(
            "### CONTEXT\nThe Moon orbits 384,400 km away.\n\n### QUESTION\nHow far?\n\n### ANSWER\n");
    SquadExample second = dataset.examples().get(1);
    assertThat(second.impossible()).isTrue();
    assertThat(second.answers()).isEmpty();
    assertThat(second.plausibleAnswers()).containsExactly(new SquadExample.Answer("Moon", 4));
    assertThat(second.columns(PromptTemplate.SQUAD)).containsEntry("answer", "Cannot Find Answer");
  }

  @Test
  void versionOneHasNoUnanswerableQuestions() throws IOException {
    write(
        """
        {"data": [{"title": "T", "paragraphs": [{"context": "It was Ann.", "qas": [
          {"id": "1", "question": "Who?", "answers": [{"answer_start": 7, "text": "Ann"}]}]}]}],
         "version": "1.1"}
        """);

    SquadExample example = SquadDataset.read(file).examples().get(0);

    assertThat(example.impossible()).isFalse();
    assertThat(example.answers()).containsExactly(new SquadExample.Answer("Ann", 7));
  }

  @Test
  void offsetsCountCodePoints() throws IOException {
    write(squad("😀😀 Zoë 𝒜nn", QUESTION.formatted("1", "𝒜nn", "7")));

    assertThat(SquadDataset.read(file).examples().get(0).answers())
        .containsExactly(new SquadExample.Answer("𝒜nn", 7));

    write(squad("😀😀 Zoë 𝒜nn", QUESTION.formatted("1", "𝒜nn", "9")));
    assertMessage("question '1': answer '𝒜nn' does not stand at code point 9 of its context");
  }

  @ParameterizedTest
  @CsvSource({"0", "5", "400"})
  void misplacedAnswersAreNamed(int start) throws IOException {
    write(squad("It was Ann.", QUESTION.formatted("q7", "Ann", start)));

    assertMessage(
        "question 'q7': answer 'Ann' does not stand at code point %d of its context"
            .formatted(start));
  }

  @Test
  void idThatStandsTwiceIsNamedWithItsPosition() throws IOException {
    String one = QUESTION.formatted("q", "Ann", "7");
    write(squad("It was Ann.", one + "," + one));

    assertMessage("$.data[0].paragraphs[0].qas[1]: id 'q' stands twice");
  }

  @Test
  void allProblemsComeInOneMessage() throws IOException {
    write(
        squad(
            "It was Ann.",
            """
            {"id": "1", "question": "?", "answers": [{"text": "Ann"}]},
            {"id": "2", "answers": []},
            {"question": "?", "answers": []},
            {"id": "4", "question": "?", "is_impossible": true,
             "answers": [{"text": "Ann", "answer_start": 7}]}
            """));

    assertThatThrownBy(() -> SquadDataset.read(file))
        .isInstanceOf(LoraException.class)
        .hasMessage(
            file
                + ": 5 problems, the first: $.data[0].paragraphs[0].qas[0].answers[0]: an answer"
                + " needs 'text' and 'answer_start'; $.data[0].paragraphs[0].qas[1] has no"
                + " 'question'; $.data[0].paragraphs[0].qas[2] has no 'id';"
                + " $.data[0].paragraphs[0].qas[3]: question '4' is impossible but has answers;"
                + " question '1': answer 'Ann' does not stand at code point 0 of its context");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[] | at $: wanted the layout of SQuAD, Expected BEGIN_OBJECT but was BEGIN_ARRAY",
        "{} | has no 'data'; wanted the layout of SQuAD",
        "{'data': {}} | at $.data: wanted the layout of SQuAD, Expected BEGIN_ARRAY",
        "{'data': [{'title': 't', 'id': '1'}]} | 1 problem: $.data[0] has no" + " 'paragraphs'",
        "{'data': [{'paragraphs': [{'qas': []}]}]} | $.data[0].paragraphs[0] has no 'context'",
        "{'data': [{'paragraphs': [{'context': 'x'}]}]} | $.data[0].paragraphs[0] has no 'qas'",
        "{'data': [{'paragraphs': [{'context': null}]}]} | at $.data[0].paragraphs[0].context",
        "{'data': []} {} | wanted the layout of SQuAD, malformed JSON at line 1 column",
        "{'data': [ | at $.data[0]: wanted the layout of SQuAD, End of input",
        "'' | at $: wanted the layout of SQuAD, "
      })
  void otherLayoutsAreRefusedWithTheirPosition(String json, String message) throws IOException {
    write(json.equals("''") ? "" : json.replace('\'', '"'));

    assertMessage(message);
  }

  @ParameterizedTest
  @CsvSource({"1.5", "1e99", "-3", "'\"7\"'", "null"})
  void offsetsThatAreNoCountAreRefused(String start) throws IOException {
    write(squad("It was Ann.", QUESTION.formatted("1", "Ann", start)));

    assertMessage("$.data[0].paragraphs[0].qas[0].answers[0]");
  }

  @Test
  void fileThatIsNoTextIsRefused() throws IOException {
    byte[] json = squad("It was Ann.", "").getBytes(StandardCharsets.UTF_8);
    json[json.length / 2] = (byte) 0xFF;
    Files.write(file, json);

    assertMessage("no UTF-8 text");
  }

  @Test
  void missingFileIsNamed() {
    assertThatThrownBy(() -> SquadDataset.read(file))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessage(file.toString());
  }

  private void assertMessage(String part) {
    assertThatThrownBy(() -> SquadDataset.read(file))
        .isInstanceOf(LoraException.class)
        .message()
        .startsWith(file.toString())
        .contains(part)
        .hasLineCount(1)
        .doesNotContain("https://");
  }

  private static String squad(String context, String questions) {
    return """
    {"version": "v2.0", "data": [{"title": "T", "paragraphs": [{"context": "%s", "qas": [%s]}]}]}
    """
        .formatted(context, questions);
  }

  private void write(String json) throws IOException {
    Files.writeString(file, json);
  }
}
