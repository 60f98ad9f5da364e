package io.github.lora4j.djl.data;

import io.github.lora4j.djl.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Questions on passages in the official JSON layout of SQuAD v1.1 or v2.0.
 *
 * @param examples in the order of the file
 * @see <a href="https://arxiv.org/abs/1806.03822">Rajpurkar, Jia and Liang 2018</a>
 * @since 0.1.0
 */
public record SquadDataset(List<SquadExample> examples) {

  /** Copies the list. */
  public SquadDataset {
    examples = List.copyOf(examples);
  }

  /**
   * Reads a file, streaming. Every answer must stand where {@code answer_start}, in code points,
   * says.
   *
   * @param file e.g. {@code train-v2.0.json}
   * @return all questions
   * @throws IOException if the file is missing or cannot be read
   * @throws io.github.lora4j.LoraException if the layout is another, an id stands twice or an
   *     answer is misplaced, with the position
   */
  public static SquadDataset read(Path file) throws IOException {
    return new SquadDataset(SquadReader.read(file));
  }

  /**
   * Number of questions.
   *
   * @return the count
   */
  public int size() {
    return examples.size();
  }

  /**
   * The first questions.
   *
   * @param count how many at most
   * @return a smaller dataset
   */
  public SquadDataset limit(int count) {
    return new SquadDataset(examples.subList(0, Math.min(count, examples.size())));
  }

  /**
   * The questions in another order.
   *
   * @param seed decides the order
   * @return a dataset of the same questions
   */
  public SquadDataset shuffle(long seed) {
    List<SquadExample> shuffled = new ArrayList<>(examples);
    Collections.shuffle(shuffled, new Random(seed));
    return new SquadDataset(shuffled);
  }

  /**
   * Tokenises every question with its first answer; all tokens are labels, nothing is cut.
   *
   * @param template layout of the prompt
   * @param tokenizer of the model to be trained
   * @return the dataset for a trainer
   */
  public TrainingDataset toTraining(PromptTemplate template, Tokenizer tokenizer) {
    return toTraining(template, tokenizer, Labels.ALL_TOKENS, Truncation.none());
  }

  /**
   * Tokenises every question with its first answer.
   *
   * @param template layout of the prompt
   * @param tokenizer of the model to be trained
   * @param labels which positions count
   * @param truncation what to do with long examples
   * @return the dataset for a trainer
   */
  public TrainingDataset toTraining(
      PromptTemplate template, Tokenizer tokenizer, Labels labels, Truncation truncation) {
    return new PromptEncoder(template, tokenizer, labels, truncation)
        .encode(examples.stream().map(example -> example.columns(template)).toList());
  }
}
