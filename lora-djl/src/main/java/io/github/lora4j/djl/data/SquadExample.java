package io.github.lora4j.djl.data;

import java.util.List;
import java.util.Map;

/**
 * A question on a passage.
 *
 * @param id unique in its file
 * @param title of the article
 * @param context the passage
 * @param question the question
 * @param answers accepted answers, empty if the passage does not answer
 * @param impossible whether the passage does not answer
 * @param plausibleAnswers what a hasty reader might answer where there is none
 * @since 0.1.0
 */
public record SquadExample(
    String id,
    String title,
    String context,
    String question,
    List<Answer> answers,
    boolean impossible,
    List<Answer> plausibleAnswers) {

  /**
   * A span of the passage.
   *
   * @param text the words
   * @param start where they start, in code points
   */
  public record Answer(String text, int start) {}

  /** Copies the lists. */
  public SquadExample {
    answers = List.copyOf(answers);
    plausibleAnswers = List.copyOf(plausibleAnswers);
  }

  /**
   * The columns of a prompt: context, question, answer; the first answer, or the template's text
   * for none.
   *
   * @param template says what is answered where there is no answer
   * @return name to text
   */
  public Map<String, String> columns(PromptTemplate template) {
    String answer = answers.isEmpty() ? template.noAnswer() : answers.get(0).text();
    return Map.of("title", title, "context", context, "question", question, "answer", answer);
  }

  /**
   * The prompt that asks this question.
   *
   * @param template its layout
   * @return the text up to the answer
   */
  public String prompt(PromptTemplate template) {
    return template.prompt(columns(template));
  }
}
