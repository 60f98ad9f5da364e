package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;

final class PromptTemplateTest {

  private static final Map<String, String> VALUES =
      Map.of("context", "Cheese is food.", "question", "What?", "answer", "Cheese");

  @Test
  void squadPromptIsThatOfTheWalkthrough() {
    assertThat(PromptTemplate.SQUAD.text(VALUES))
        .isEqualTo(
            """
            ### CONTEXT
            Cheese is food.

            ### QUESTION
            What?

            ### ANSWER
            Cheese</s>""");
    assertThat(PromptTemplate.SQUAD.prompt(VALUES))
        .isEqualTo("### CONTEXT\nCheese is food.\n\n### QUESTION\nWhat?\n\n### ANSWER\n");
    assertThat(PromptTemplate.SQUAD.noAnswer()).isEqualTo("Cannot Find Answer");
    assertThat(PromptTemplate.SQUAD.columns()).containsExactly("context", "question", "answer");
  }

  @Test
  void promptNeedsNoAnswer() {
    PromptTemplate template = PromptTemplate.of("Say {word}: {answer}");

    assertThat(template.prompt(Map.of("word", "hi"))).isEqualTo("Say hi: ");
    assertThat(template.noAnswer()).isEmpty();
    assertThat(template.withNoAnswer("none").noAnswer()).isEqualTo("none");
    assertThat(template).hasToString("Say {word}: {answer}");
  }

  @Test
  void whatEndsTheAnswerCanBeReplaced() {
    PromptTemplate template = PromptTemplate.SQUAD.endingWith("<|{end}|>");

    assertThat(template.text(VALUES)).endsWith("### ANSWER\nCheese<|{end}|>");
    assertThat(template.prompt(VALUES)).isEqualTo(PromptTemplate.SQUAD.prompt(VALUES));
    assertThat(template.noAnswer()).isEqualTo("Cannot Find Answer");
    assertThat(template.columns()).containsExactly("context", "question", "answer");
    assertThat(template.toString()).endsWith("{answer}<|{end}|>");
    assertThat(template.endingWith("")).hasToString(template.toString().replace("<|{end}|>", ""));
    assertThat(PromptTemplate.of("{a}").endingWith(".")).hasToString("{a}.");
  }

  @Test
  void columnsArePutInAsTheyAre() {
    PromptTemplate template = PromptTemplate.of("{a} and {b}.");

    assertThat(template.text(Map.of("a", "{b} $1 \\n {c", "b", "{a}")))
        .isEqualTo("{b} $1 \\n {c and {a}.");
  }

  @Test
  void missingColumnsAreNamed() {
    assertThatThrownBy(() -> PromptTemplate.SQUAD.prompt(Map.of("context", "x")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the template wants column 'question', the example has [context]");
  }

  @Test
  void templateWithoutAPlaceIsRefused() {
    assertThatThrownBy(() -> PromptTemplate.of("nothing {here is open"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "a template needs a place for a column, e.g. {answer}; got 'nothing {here is open'");
  }
}
