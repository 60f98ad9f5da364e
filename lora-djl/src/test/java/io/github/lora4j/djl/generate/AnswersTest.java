package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.PromptTemplate;
import io.github.lora4j.djl.data.SquadDataset;
import io.github.lora4j.djl.data.SquadExample;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class AnswersTest {

  private static final GenerationOptions OPTIONS =
      GenerationOptions.builder().maxNewTokens(6).batchSize(2).build();

  private static SquadExample question(String id, String question) {
    return new SquadExample(
        id, "Food", "Cheese is the best food.", question, List.of(), true, List.of());
  }

  private static final SquadDataset QUESTIONS =
      new SquadDataset(
          List.of(
              question("q3", "What is the best food?"),
              question("q1", "Where?"),
              question("q2", "Who says that cheese is food?")));

  @Test
  void answersStandUnderTheirIdsInTheOrderOfTheDataset() throws IOException {
    try (CausalLm base = GoldenBase.load();
        PeftModel<CausalLm> peft = GoldenBase.adapter(base, "attention")) {
      Map<String, String> answers =
          Answers.squad(peft.model(), QUESTIONS, PromptTemplate.SQUAD, OPTIONS);

      assertThat(answers.keySet()).containsExactly("q3", "q1", "q2");
      TextGenerator generator = TextGenerator.of(peft.model());
      for (SquadExample example : QUESTIONS.examples()) {
        String text = generator.generate(example.prompt(PromptTemplate.SQUAD), OPTIONS);
        assertThat(answers).containsEntry(example.id(), text.strip());
      }
    }
  }

  @Test
  void textForNoAnswerBecomesAnEmptyAnswer() throws IOException {
    try (CausalLm base = GoldenBase.load()) {
      String said = Answers.squad(base, QUESTIONS, PromptTemplate.SQUAD, OPTIONS).get("q1");
      PromptTemplate template = PromptTemplate.SQUAD.withNoAnswer(" " + said + "\n");

      Map<String, String> answers = Answers.squad(base, QUESTIONS, template, OPTIONS);

      assertThat(said).isNotEmpty();
      assertThat(answers).containsEntry("q1", "");
    }
  }
}
