package io.github.lora4j.djl.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A text with places for columns, e.g. {@code {context}}. What stands before the last place is the
 * prompt; the last place is the answer. Columns are put in as they are: braces in them mean
 * nothing.
 *
 * @since 0.1.0
 */
public final class PromptTemplate {

  // stands first: the template below needs it
  private static final Pattern PLACE = Pattern.compile("\\{(\\w+)\\}");

  /** The prompt of the SQuAD walkthrough. */
  public static final PromptTemplate SQUAD =
      of("### CONTEXT\n{context}\n\n### QUESTION\n{question}\n\n### ANSWER\n{answer}</s>")
          .withNoAnswer("Cannot Find Answer");

  /** A piece of the template: literal text, or a column to put in. */
  private record Piece(String text, boolean column) {}

  private final String template;
  private final List<Piece> pieces;
  private final String noAnswer;

  private PromptTemplate(String template, List<Piece> pieces, String noAnswer) {
    this.template = template;
    this.pieces = pieces;
    this.noAnswer = noAnswer;
  }

  /**
   * A template.
   *
   * @param template text with at least one place
   * @return the template, its answer for unanswerable questions empty
   * @throws IllegalArgumentException if there is no place for a column
   */
  public static PromptTemplate of(String template) {
    List<Piece> pieces = new ArrayList<>();
    Matcher matcher = PLACE.matcher(template);
    int at = 0;
    while (matcher.find()) {
      pieces.add(new Piece(template.substring(at, matcher.start()), false));
      pieces.add(new Piece(matcher.group(1), true));
      at = matcher.end();
    }
    if (pieces.isEmpty()) {
      throw new IllegalArgumentException(
          "a template needs a place for a column, e.g. {answer}; got '%s'".formatted(template));
    }
    pieces.add(new Piece(template.substring(at), false));
    return new PromptTemplate(template, List.copyOf(pieces), "");
  }

  /**
   * The same template with another answer for questions that have none.
   *
   * @param text e.g. {@code Cannot Find Answer}
   * @return a new template
   */
  public PromptTemplate withNoAnswer(String text) {
    return new PromptTemplate(template, pieces, Objects.requireNonNull(text, "text"));
  }

  /**
   * The same template with another text behind the answer: what ends a text differs from model to
   * model.
   *
   * @param end e.g. {@code </s>} for BLOOM and Llama, {@code <|endoftext|>} for GPT-2
   * @return a new template
   */
  public PromptTemplate endingWith(String end) {
    Objects.requireNonNull(end, "end");
    String last = pieces.get(pieces.size() - 1).text();
    List<Piece> changed = new ArrayList<>(pieces.subList(0, pieces.size() - 1));
    changed.add(new Piece(end, false));
    return new PromptTemplate(
        template.substring(0, template.length() - last.length()) + end,
        List.copyOf(changed),
        noAnswer);
  }

  /**
   * What is answered where there is no answer.
   *
   * @return the text
   */
  public String noAnswer() {
    return noAnswer;
  }

  /**
   * Names of the columns, in order; the last one is the answer.
   *
   * @return the names
   */
  public List<String> columns() {
    return pieces.stream().filter(Piece::column).map(Piece::text).toList();
  }

  /**
   * The part before the answer, for generation.
   *
   * @param values text of every column but the answer
   * @return the prompt
   * @throws IllegalArgumentException if a column is missing
   */
  public String prompt(Map<String, String> values) {
    return fill(pieces.subList(0, pieces.size() - 2), values);
  }

  /**
   * The whole text, for training.
   *
   * @param values text of every column
   * @return prompt, answer and what ends it
   * @throws IllegalArgumentException if a column is missing
   */
  public String text(Map<String, String> values) {
    return fill(pieces, values);
  }

  private String fill(List<Piece> parts, Map<String, String> values) {
    StringBuilder text = new StringBuilder();
    for (Piece piece : parts) {
      if (piece.column()) {
        String value = values.get(piece.text());
        if (value == null) {
          throw new IllegalArgumentException(
              "the template wants column '%s', the example has %s"
                  .formatted(piece.text(), values.keySet()));
        }
        text.append(value);
      } else {
        text.append(piece.text());
      }
    }
    return text.toString();
  }

  @Override
  public String toString() {
    return template;
  }
}
