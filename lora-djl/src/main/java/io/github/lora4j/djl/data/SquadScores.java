package io.github.lora4j.djl.data;

import java.util.Locale;

/**
 * The figures of the official script, in percent.
 *
 * @param exact exact match
 * @param f1 overlap of words
 * @param total questions
 * @param hasAnswerExact exact match on questions with an answer
 * @param hasAnswerF1 overlap on questions with an answer
 * @param hasAnswerTotal questions with an answer
 * @param noAnswerExact exact match on questions without one
 * @param noAnswerF1 overlap on questions without one
 * @param noAnswerTotal questions without an answer
 * @since 0.1.0
 */
public record SquadScores(
    double exact,
    double f1,
    int total,
    double hasAnswerExact,
    double hasAnswerF1,
    int hasAnswerTotal,
    double noAnswerExact,
    double noAnswerF1,
    int noAnswerTotal) {

  /**
   * One line for people.
   *
   * @return e.g. {@code EM 81.5 F1 84.0 on 200 questions (answerable: …; unanswerable: …)}
   */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "EM %.1f F1 %.1f on %d questions (answerable: EM %.1f F1 %.1f on %d; unanswerable: EM %.1f"
            + " on %d)",
        exact,
        f1,
        total,
        hasAnswerExact,
        hasAnswerF1,
        hasAnswerTotal,
        noAnswerExact,
        noAnswerTotal);
  }
}
