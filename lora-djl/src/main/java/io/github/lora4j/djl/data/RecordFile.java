package io.github.lora4j.djl.data;

import io.github.lora4j.LoraException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** A file of records in UTF-8, read from front to back; only a record at a time is held. */
final class RecordFile {

  private static final List<String> LINES = List.of(".jsonl", ".ndjson");
  private static final int BYTE_ORDER_MARK = 0xFEFF;

  /** Layout of a file, as its name says. */
  enum Layout {
    JSON,
    JSON_LINES,
    CSV
  }

  /** What is done with the text. */
  interface Body {
    void read(BufferedReader text) throws IOException;
  }

  private RecordFile() {}

  /** Whether {@link #layout} knows the name. */
  static boolean known(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.endsWith(".json")
        || lower.endsWith(".csv")
        || LINES.stream().anyMatch(lower::endsWith);
  }

  static Layout layout(Path file) {
    String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    if (!known(name)) {
      throw new IllegalArgumentException(
          "a file of records ends in .json, .jsonl, .ndjson or .csv, got '%s'".formatted(file));
    }
    return name.endsWith(".csv")
        ? Layout.CSV
        : name.endsWith(".json") ? Layout.JSON : Layout.JSON_LINES;
  }

  /** Opens the file behind its byte order mark, if it has one. */
  static void read(Path file, Body body) throws IOException {
    try (BufferedReader text = Files.newBufferedReader(file)) {
      text.mark(1);
      if (text.read() != BYTE_ORDER_MARK) {
        text.reset();
      }
      body.read(text);
    } catch (CharacterCodingException e) {
      throw new LoraException(file + ": is no UTF-8 text", e);
    }
  }
}
