package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Expected values are those of evaluate-v2.0.py under Python 3. */
final class SquadMetricTest {

  @ParameterizedTest
  @CsvSource(
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "The Cat,cat",
        "a cat and an owl,cat and owl",
        "Theatre,theatre",
        "the-cat,thecat",
        "U.S.A.,usa",
        "'  two \t words\n',two words",
        "'an\u00a0apple',apple",
        "'x\u3000y\u2028z\u001cw',x y z w",
        "'x\u200by','x\u200by'",
        "the,''",
        "'!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~',''",
        "don't,dont",
        "3–4,3–4",
        "«a»,« »",
        "a_b,ab",
        "ÀÉ,àé",
        "İ,i̇",
        "ΑΣ,ας",
        "a²,a²",
        "a½ the,a½",
        "a\u0301b,'\u0301b'",
        "कa,कa",
        "a\u203fb,'\u203fb'",
        "a\u200db,'\u200db'",
        "ⅳa,ⅳa",
        "😀 a,😀"
      })
  void textsAreNormalisedAsInPython(String text, String normalised) {
    // CSV cannot carry a leading space through every editor: compare without
    assertThat(SquadMetric.normalise(text).strip()).isEqualTo(normalised.strip());
  }

  @ParameterizedTest
  @CsvSource({
    "the cat sat, cat sat, 1",
    "cat sat down, cat sat, 0.8",
    "cat, dog, 0",
    "cat cat, cat, 0.6666666666666666",
    "the, a, 1",
    "the, cat, 0"
  })
  void overlapCountsEveryWordOnce(String gold, String prediction, double f1) {
    assertThat(SquadMetric.f1(gold, prediction)).isCloseTo(f1, within(1e-12));
    assertThat(SquadMetric.f1(prediction, gold)).isCloseTo(f1, within(1e-12));
  }

  @Test
  void bestOfTheAcceptedAnswersCounts() {
    SquadDataset dataset = new SquadDataset(List.of(question("q", "Paris", "the city of Paris")));

    SquadScores scores = SquadMetric.score(dataset, Map.of("q", "City of Paris!"));

    assertThat(scores.exact()).isEqualTo(100);
    assertThat(scores.f1()).isEqualTo(100);
  }

  @Test
  void unanswerableQuestionsWantAnEmptyAnswer() {
    SquadDataset dataset =
        new SquadDataset(
            List.of(question("silent"), question("talks"), question("found", "x", "y z")));

    SquadScores scores =
        SquadMetric.score(dataset, Map.of("silent", "", "talks", "x", "found", "y"));

    assertThat(scores.total()).isEqualTo(3);
    assertThat(scores.exact()).isCloseTo(100 / 3.0, within(1e-12));
    assertThat(scores.f1()).isCloseTo(100 * (1 + 2 / 3.0) / 3, within(1e-12));
    assertThat(scores.hasAnswerTotal()).isEqualTo(1);
    assertThat(scores.hasAnswerExact()).isZero();
    assertThat(scores.noAnswerTotal()).isEqualTo(2);
    assertThat(scores.noAnswerExact()).isEqualTo(50);
    assertThat(scores)
        .hasToString(
            "EM 33.3 F1 55.6 on 3 questions (answerable: EM 0.0 F1 66.7 on 1; unanswerable: EM"
                + " 50.0 on 2)");
  }

  @Test
  void questionsWithoutAPredictionAreLeftOut() {
    SquadDataset dataset = new SquadDataset(List.of(question("a", "x"), question("b", "x")));

    assertThat(SquadMetric.score(dataset, Map.of("a", "x")).total()).isEqualTo(1);
    assertThat(SquadMetric.score(dataset, Map.of()).exact()).isZero();
  }

  @Test
  void answerThatNormalisesToNothingIsNoAnswer() {
    SquadDataset dataset = new SquadDataset(List.of(question("a", "the")));

    SquadScores scores = SquadMetric.score(dataset, Map.of("a", ""));

    assertThat(scores.exact()).isEqualTo(100);
    assertThat(scores.hasAnswerTotal()).isEqualTo(1);
  }

  @Test
  void textOfTheTemplateForNoAnswerCountsAsNone() {
    SquadDataset dataset = new SquadDataset(List.of(question("a"), question("b")));

    SquadScores scores =
        SquadMetric.score(
            dataset, Map.of("a", "Cannot find answer.", "b", "cannot find"), PromptTemplate.SQUAD);

    assertThat(scores.exact()).isEqualTo(50);
  }

  @Test
  void modelThatSaysNothingHasNotSaidThatThereIsNoAnswer() {
    SquadDataset dataset = new SquadDataset(List.of(question("a"), question("b")));

    SquadScores scores =
        SquadMetric.score(dataset, Map.of("a", "\n\n", "b", ""), PromptTemplate.SQUAD);

    assertThat(scores.exact()).isZero();
    assertThat(scores.noAnswerTotal()).isEqualTo(2);
  }

  @Test
  void predictionsThatAreNoObjectOfTextsAreRefused(@TempDir Path temp) throws IOException {
    Path file = temp.resolve("predictions.json");
    Files.writeString(file, "{\"a\": \"x\", \"b\": \"\"}");
    assertThat(SquadMetric.readPredictions(file))
        .containsExactly(Map.entry("a", "x"), Map.entry("b", ""));

    for (String text : List.of("[]", "{\"a\": {}}", "{\"a\": null}", "{\"a\"", "")) {
      Files.writeString(file, text);

      assertThatThrownBy(() -> SquadMetric.readPredictions(file))
          .isInstanceOf(LoraException.class)
          .hasMessage(file + ": wanted a JSON object of ids to answers");
    }
  }

  private static SquadExample question(String id, String... answers) {
    return new SquadExample(
        id,
        "title",
        "context",
        "question",
        Arrays.stream(answers).map(text -> new SquadExample.Answer(text, 0)).toList(),
        answers.length == 0,
        List.of());
  }
}
