package io.github.lora4j.djl.data;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Records of text columns, to be put into a template.
 *
 * <pre>{@code
 * TrainingDataset training = TextDataset.read(Path.of("questions.csv"))
 *     .toTraining(PromptTemplate.of("{question}\n{answer}</s>"), base.tokenizer(),
 *         Labels.ANSWER_ONLY, Truncation.skip(512));
 * }</pre>
 *
 * @since 0.1.0
 */
public final class TextDataset {

  private final List<Map<String, String>> records;
  private final List<Origin> origins;
  private final Set<String> columns = new LinkedHashSet<>();

  /**
   * Records that are in memory already.
   *
   * @param records column name to text
   */
  public TextDataset(List<Map<String, String>> records) {
    this(records, List.of());
  }

  /** Of files; origins are empty or one a record. */
  TextDataset(List<Map<String, String>> records, List<Origin> origins) {
    records.forEach(record -> columns.addAll(record.keySet()));
    this.records = records.stream().map(Map::copyOf).toList();
    this.origins = List.copyOf(origins);
  }

  /**
   * Reads a file of records in UTF-8, of the kind that its name says:
   *
   * <ul>
   *   <li>{@code .jsonl}, {@code .ndjson}: a JSON object a line; empty lines are skipped;
   *   <li>{@code .json}: an array of objects, or an object a line;
   *   <li>{@code .csv}: a header line and rows with as many fields, separated by commas, quoted as
   *       in RFC 4180; empty lines are skipped.
   * </ul>
   *
   * <p>Texts, numbers and truth values become texts; what is null, an array or an object is no
   * column of its record. The file is read from front to back; only the records are held.
   *
   * @param file the file
   * @return the records in their order
   * @throws IOException if the file is missing or cannot be read
   * @throws LoraException if the file is laid out otherwise, with the line
   * @throws IllegalArgumentException if the name ends otherwise
   */
  public static TextDataset read(Path file) throws IOException {
    return TextReader.read(List.of(file));
  }

  /**
   * Reads files of records as if they were one, each as {@link #read(Path)} does.
   *
   * @param files the files; they may be of different kinds
   * @return the records in their order
   * @throws IOException if a file is missing or cannot be read
   * @throws LoraException if a file is laid out otherwise, with the line
   * @throws IllegalArgumentException if a name ends otherwise
   */
  public static TextDataset read(List<Path> files) throws IOException {
    return TextReader.read(files);
  }

  /**
   * Reads a file of JSON objects, one a line, whatever its name; empty lines are skipped.
   *
   * @param file the file
   * @return one record a line
   * @throws IOException if the file is missing or cannot be read
   * @throws LoraException if a line is no object, with its number
   */
  public static TextDataset readJsonLines(Path file) throws IOException {
    return TextReader.readJsonLines(file);
  }

  /**
   * The records.
   *
   * @return column name to text, in the order of the file
   */
  public List<Map<String, String>> records() {
    return records;
  }

  /**
   * Names of the columns that at least one record has.
   *
   * @return the names, in the order in which they come up
   */
  public List<String> columns() {
    return List.copyOf(columns);
  }

  /**
   * Number of records.
   *
   * @return the count
   */
  public int size() {
    return records.size();
  }

  /**
   * The first records.
   *
   * @param count how many at most
   * @return a smaller dataset
   */
  public TextDataset limit(int count) {
    int kept = Math.min(count, records.size());
    return new TextDataset(
        records.subList(0, kept), origins.isEmpty() ? origins : origins.subList(0, kept));
  }

  /**
   * Tokenises every record; all tokens are labels, nothing is cut.
   *
   * @param template its columns must be in every record
   * @param tokenizer of the model to be trained
   * @return the dataset for a trainer
   * @throws IllegalArgumentException if no record has one of the columns
   * @throws LoraException if some record lacks one, with its file and line
   */
  public TrainingDataset toTraining(PromptTemplate template, Tokenizer tokenizer) {
    return toTraining(template, tokenizer, Labels.ALL_TOKENS, Truncation.none());
  }

  /**
   * Tokenises every record.
   *
   * @param template its columns must be in every record; the last one is the answer
   * @param tokenizer of the model to be trained
   * @param labels which positions count
   * @param truncation what to do with long examples
   * @return the dataset for a trainer
   * @throws IllegalArgumentException if no record has one of the columns
   * @throws LoraException if some record lacks one, with its file and line
   */
  public TrainingDataset toTraining(
      PromptTemplate template, Tokenizer tokenizer, Labels labels, Truncation truncation) {
    checkColumns(template);
    return new PromptEncoder(template, tokenizer, labels, truncation).encode(records, this::where);
  }

  private void checkColumns(PromptTemplate template) {
    List<String> unknown = new ArrayList<>(template.columns());
    unknown.removeAll(columns);
    if (!unknown.isEmpty() && !records.isEmpty()) {
      throw new IllegalArgumentException(
          "the template wants column '%s'; the records have %s"
              .formatted(unknown.get(0), columns()));
    }
    for (int i = 0; i < records.size(); i++) {
      for (String column : template.columns()) {
        if (!records.get(i).containsKey(column)) {
          throw new LoraException(
              "%s has no text in column '%s', which the template wants"
                  .formatted(where(i), column));
        }
      }
    }
  }

  private String where(int index) {
    return origins.isEmpty() ? "example " + index : origins.get(index).toString();
  }
}
