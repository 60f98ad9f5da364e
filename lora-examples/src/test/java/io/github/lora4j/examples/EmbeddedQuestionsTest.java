package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.djl.data.SquadDataset;
import io.github.lora4j.djl.data.SquadExample;
import java.io.IOException;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The held-out questions can only be answered by reading: training has not named their answers. */
class EmbeddedQuestionsTest {

  private static final Pattern NUMBER = Pattern.compile("\\d[\\d,]*\\d|\\d");
  private static final Pattern NAME = Pattern.compile("(?<=[a-z] )[A-Z][a-z]+");

  private final SquadDataset train;
  private final SquadDataset heldOut;

  EmbeddedQuestionsTest() throws IOException {
    this.train = SquadDataset.read(EmbeddedFiles.SQUAD.directory().resolve("train-v2.0.json"));
    this.heldOut = SquadDataset.read(EmbeddedFiles.SQUAD.directory().resolve("heldout-v2.0.json"));
  }

  @Test
  void noAnswerIsInBothSets() {
    assertThat(answers(heldOut)).hasSizeGreaterThan(50).doesNotContainAnyElementsOf(answers(train));
  }

  @Test
  void noNumberIsInBothSets() {
    assertThat(found(NUMBER, heldOut))
        .isNotEmpty()
        .doesNotContainAnyElementsOf(found(NUMBER, train));
  }

  @Test
  void noNameIsInBothSets() {
    Set<String> names = found(NAME, heldOut);
    names.remove("Mount"); // a word of the sentence, as in "the height of Mount Tora"

    assertThat(names).isNotEmpty().doesNotContainAnyElementsOf(found(NAME, train));
  }

  private static Set<String> answers(SquadDataset dataset) {
    Set<String> answers = new TreeSet<>();
    for (SquadExample example : dataset.examples()) {
      example.answers().forEach(answer -> answers.add(answer.text().toLowerCase(Locale.ROOT)));
    }
    return answers;
  }

  private static Set<String> found(Pattern pattern, SquadDataset dataset) {
    Set<String> found = new TreeSet<>();
    for (SquadExample example : dataset.examples()) {
      pattern.matcher(example.context()).results().forEach(match -> found.add(match.group()));
    }
    return found;
  }
}
