package io.github.lora4j.examples;

import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.PromptTemplate;
import io.github.lora4j.djl.data.SquadDataset;
import io.github.lora4j.djl.data.SquadExample;
import io.github.lora4j.djl.data.SquadMetric;
import io.github.lora4j.djl.data.SquadScores;
import io.github.lora4j.djl.generate.GenerationOptions;
import io.github.lora4j.djl.generate.GenerationRequest;
import io.github.lora4j.djl.generate.TextGenerator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Asks a model questions in the prompt of SQuAD and scores what it says, greedily decoded. */
final class Examiner {

  private final TextGenerator generator;
  private final GenerationOptions options;

  /**
   * An examiner of a base or a view.
   *
   * @param answerTokens longest answer, tokens
   */
  Examiner(CausalLm model, int answerTokens) {
    this.generator = TextGenerator.of(model);
    this.options = GenerationOptions.builder().maxNewTokens(answerTokens).build();
  }

  List<String> answers(List<SquadExample> questions) {
    return generator.generate(
        questions.stream()
            .map(question -> GenerationRequest.of(question.prompt(PromptTemplate.SQUAD)))
            .toList(),
        options);
  }

  /** The official figures on what is generated, all of it. */
  SquadScores score(SquadDataset dataset) {
    List<String> answers = answers(dataset.examples());
    Map<String, String> generated = new LinkedHashMap<>();
    for (int i = 0; i < answers.size(); i++) {
      generated.put(dataset.examples().get(i).id(), answers.get(i));
    }
    return SquadMetric.score(dataset, generated, PromptTemplate.SQUAD);
  }
}
