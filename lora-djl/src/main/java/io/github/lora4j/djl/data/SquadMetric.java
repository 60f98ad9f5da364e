package io.github.lora4j.djl.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Exact match and F1 as the official evaluation script of SQuAD v2.0 computes them: lower case, no
 * punctuation, no articles, white space closed up; the best of the accepted answers counts.
 *
 * @see <a href="https://arxiv.org/abs/1806.03822">Rajpurkar, Jia and Liang 2018, section 5</a>
 * @since 0.1.0
 */
public final class SquadMetric {

  private static final Pattern PUNCTUATION = Pattern.compile("[!-/:-@\\[-`{-~]");

  /** Stands for generated white space: equal to no answer, and not to none. */
  private static final String SILENCE = "\uFFFD";

  /**
   * Words as Python's {@code \b} ends them: at anything but letters, numbers and the underscore.
   */
  private static final Pattern ARTICLES =
      Pattern.compile("(?<![\\p{L}\\p{N}_])(?:a|an|the)(?![\\p{L}\\p{N}_])");

  /** What Python's {@code str.split} splits at. */
  private static final Pattern WHITE_SPACE =
      Pattern.compile(
          "[\\x09-\\x0d\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+");

  private SquadMetric() {}

  /**
   * Scores predictions.
   *
   * @param dataset the questions
   * @param predictions id to answer, empty where the question was held to be unanswerable;
   *     questions without a prediction are left out, as the official script does
   * @return the figures
   */
  public static SquadScores score(SquadDataset dataset, Map<String, String> predictions) {
    double[] answered = new double[3];
    double[] unanswered = new double[3];
    for (SquadExample example : dataset.examples()) {
      String prediction = predictions.get(example.id());
      if (prediction == null) {
        continue;
      }
      List<String> accepted = accepted(example);
      double[] sums = example.answers().isEmpty() ? unanswered : answered;
      sums[0] += accepted.stream().mapToDouble(gold -> exact(gold, prediction)).max().orElse(0);
      sums[1] += accepted.stream().mapToDouble(gold -> f1(gold, prediction)).max().orElse(0);
      sums[2]++;
    }
    double total = answered[2] + unanswered[2];
    return new SquadScores(
        percent(answered[0] + unanswered[0], total),
        percent(answered[1] + unanswered[1], total),
        (int) total,
        percent(answered[0], answered[2]),
        percent(answered[1], answered[2]),
        (int) answered[2],
        percent(unanswered[0], unanswered[2]),
        percent(unanswered[1], unanswered[2]),
        (int) unanswered[2]);
  }

  /**
   * Scores what a model generated from prompts: the template's text for no answer counts as none,
   * and only that. A model that says nothing has not said that there is no answer.
   *
   * @param dataset the questions
   * @param generated id to generated text
   * @param template of the prompts
   * @return the figures
   */
  public static SquadScores score(
      SquadDataset dataset, Map<String, String> generated, PromptTemplate template) {
    Map<String, String> predictions = new LinkedHashMap<>();
    String none = normalise(template.noAnswer());
    generated.forEach(
        (id, text) -> {
          String said = normalise(text);
          predictions.put(id, said.equals(none) ? "" : said.isEmpty() ? SILENCE : text);
        });
    return score(dataset, predictions);
  }

  /**
   * Reads a prediction file: a JSON object of ids to answers.
   *
   * @param file the file
   * @return id to answer
   * @throws IOException if the file is missing or cannot be read
   * @throws LoraException if it is not such an object
   */
  public static Map<String, String> readPredictions(Path file) throws IOException {
    try {
      Map<String, String> predictions = new LinkedHashMap<>();
      for (Map.Entry<String, JsonElement> entry :
          JsonParser.parseString(Files.readString(file)).getAsJsonObject().entrySet()) {
        predictions.put(entry.getKey(), entry.getValue().getAsString());
      }
      return predictions;
    } catch (JsonParseException
        | IllegalStateException
        | UnsupportedOperationException
        | CharacterCodingException e) {
      throw new LoraException(file + ": wanted a JSON object of ids to answers", e);
    }
  }

  private static List<String> accepted(SquadExample example) {
    List<String> accepted = new ArrayList<>();
    for (SquadExample.Answer answer : example.answers()) {
      if (!normalise(answer.text()).isEmpty()) {
        accepted.add(answer.text());
      }
    }
    return accepted.isEmpty() ? List.of("") : accepted;
  }

  private static double percent(double sum, double count) {
    return count == 0 ? 0 : 100 * sum / count;
  }

  static double exact(String gold, String prediction) {
    return normalise(gold).equals(normalise(prediction)) ? 1 : 0;
  }

  static double f1(String gold, String prediction) {
    List<String> goldWords = words(normalise(gold));
    List<String> predictedWords = words(normalise(prediction));
    if (goldWords.isEmpty() || predictedWords.isEmpty()) {
      return goldWords.equals(predictedWords) ? 1 : 0;
    }
    Map<String, Integer> counts = new HashMap<>();
    goldWords.forEach(word -> counts.merge(word, 1, Integer::sum));
    int same = 0;
    for (String word : predictedWords) {
      if (counts.merge(word, -1, Integer::sum) >= 0) {
        same++;
      }
    }
    if (same == 0) {
      return 0;
    }
    double precision = (double) same / predictedWords.size();
    double recall = (double) same / goldWords.size();
    return 2 * precision * recall / (precision + recall);
  }

  static String normalise(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    String plain = PUNCTUATION.matcher(lower).replaceAll("");
    return String.join(" ", words(ARTICLES.matcher(plain).replaceAll(" ")));
  }

  private static List<String> words(String text) {
    return WHITE_SPACE.splitAsStream(text).filter(word -> !word.isEmpty()).toList();
  }
}
