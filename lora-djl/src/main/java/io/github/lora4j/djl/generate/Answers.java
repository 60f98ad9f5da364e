package io.github.lora4j.djl.generate;

import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.PromptTemplate;
import io.github.lora4j.djl.data.SquadDataset;
import io.github.lora4j.djl.data.SquadExample;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Answers of a model to questions, ready for {@link io.github.lora4j.djl.data.SquadMetric}.
 *
 * @since 0.1.0
 */
public final class Answers {

  private Answers() {}

  /**
   * Asks a model every question of a dataset.
   *
   * @param model a base, or {@code peft.model()}
   * @param dataset the questions
   * @param template of the prompts; its text for no answer becomes an empty answer, which is how
   *     SQuAD v2.0 writes it
   * @param options how to choose tokens and when to stop
   * @return id to answer without white space around it, in the order of the dataset
   */
  public static Map<String, String> squad(
      CausalLm model, SquadDataset dataset, PromptTemplate template, GenerationOptions options) {
    List<GenerationRequest> requests =
        dataset.examples().stream()
            .map(example -> GenerationRequest.of(example.prompt(template)))
            .toList();
    List<String> texts = TextGenerator.of(model).generate(requests, options);
    String none = template.noAnswer().strip();
    Map<String, String> answers = new LinkedHashMap<>();
    for (int i = 0; i < texts.size(); i++) {
      SquadExample example = dataset.examples().get(i);
      String answer = texts.get(i).strip();
      answers.put(example.id(), answer.equals(none) ? "" : answer);
    }
    return answers;
  }
}
