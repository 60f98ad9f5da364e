package io.github.lora4j.djl.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.Tokenizer;
import io.github.lora4j.io.JsonReason;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Records of text columns, to be put into a template.
 *
 * @param records column name to text
 * @since 0.1.0
 */
public record TextDataset(List<Map<String, String>> records) {

  /** Copies the records. */
  public TextDataset {
    records = records.stream().map(Map::copyOf).toList();
  }

  /**
   * Reads a file of JSON objects, one a line; empty lines are skipped.
   *
   * @param file the file
   * @return one record a line
   * @throws IOException if the file is missing or cannot be read
   * @throws LoraException if a line is not an object of texts, with its number
   */
  public static TextDataset readJsonLines(Path file) throws IOException {
    List<Map<String, String>> records = new ArrayList<>();
    List<String> lines = lines(file);
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).isBlank()) {
        continue;
      }
      try {
        Map<String, String> record = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> entry :
            JsonParser.parseString(lines.get(i)).getAsJsonObject().entrySet()) {
          record.put(entry.getKey(), entry.getValue().getAsString());
        }
        records.add(record);
      } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
        throw new LoraException(
            "%s: line %d is no JSON object of texts: %s".formatted(file, i + 1, JsonReason.of(e)),
            e);
      }
    }
    return new TextDataset(records);
  }

  private static List<String> lines(Path file) throws IOException {
    try {
      return Files.readAllLines(file);
    } catch (CharacterCodingException e) {
      throw new LoraException(file + ": is no UTF-8 text", e);
    }
  }

  /**
   * Tokenises every record; all tokens are labels, nothing is cut.
   *
   * @param template its columns must be in every record
   * @param tokenizer of the model to be trained
   * @return the dataset for a trainer
   */
  public TrainingDataset toTraining(PromptTemplate template, Tokenizer tokenizer) {
    return toTraining(template, tokenizer, Labels.ALL_TOKENS, Truncation.none());
  }

  /**
   * Tokenises every record.
   *
   * @param template its columns must be in every record
   * @param tokenizer of the model to be trained
   * @param labels which positions count
   * @param truncation what to do with long examples
   * @return the dataset for a trainer
   */
  public TrainingDataset toTraining(
      PromptTemplate template, Tokenizer tokenizer, Labels labels, Truncation truncation) {
    return new PromptEncoder(template, tokenizer, labels, truncation).encode(records);
  }
}
