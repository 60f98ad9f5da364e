package io.github.lora4j.djl.data;

import io.github.lora4j.LoraException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads CSV with a header line. Strict, because a lenient reader takes a file that was cut inside
 * quotes for a whole one: quotes stand around a whole field, are doubled inside and are closed.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc4180">RFC 4180</a>
 */
final class CsvRecords {

  private static final int END = -1;

  private final Path file;
  private final BufferedReader text;
  private int line = 1;
  private int next;

  private CsvRecords(Path file, BufferedReader text) throws IOException {
    this.file = file;
    this.text = text;
    this.next = text.read();
  }

  /** Takes a record. */
  interface Sink {
    void add(Map<String, String> record, Origin origin);
  }

  static void read(Path file, Sink sink) throws IOException {
    RecordFile.read(file, text -> new CsvRecords(file, text).read(sink));
  }

  private void read(Sink sink) throws IOException {
    skipEmptyLines();
    if (next == END) {
      throw new LoraException(file + ": is empty; wanted a line with the names of the columns");
    }
    int headerLine = line;
    List<String> names = row();
    if (new HashSet<>(names).size() < names.size()) {
      throw refusal(headerLine, "a column stands twice in " + names);
    }
    skipEmptyLines();
    while (next != END) {
      int start = line;
      List<String> values = row();
      if (values.size() != names.size()) {
        throw refusal(
            start,
            "has %d fields, the header has %d: %s".formatted(values.size(), names.size(), names));
      }
      Map<String, String> record = new LinkedHashMap<>();
      for (int i = 0; i < values.size(); i++) {
        record.put(names.get(i), values.get(i));
      }
      sink.add(record, new Origin(file, start));
      skipEmptyLines();
    }
  }

  private void skipEmptyLines() throws IOException {
    while (next == '\n' || next == '\r') {
      endLine();
    }
  }

  private List<String> row() throws IOException {
    List<String> fields = new ArrayList<>();
    while (true) {
      fields.add(next == '"' ? quoted() : plain());
      if (next == ',') {
        advance();
      } else if (next == END) {
        return fields;
      } else {
        endLine();
        return fields;
      }
    }
  }

  private String plain() throws IOException {
    StringBuilder field = new StringBuilder();
    while (next != ',' && next != '\n' && next != '\r' && next != END) {
      if (next == '"') {
        throw refusal(
            line, "a quote stands after '" + field + "'; such a field is quoted, its quotes twice");
      }
      field.append((char) next);
      advance();
    }
    return field.toString();
  }

  private String quoted() throws IOException {
    int start = line;
    StringBuilder field = new StringBuilder();
    advance();
    while (true) {
      if (next == END) {
        throw refusal(start, "a quoted field is never closed; the file may have been cut");
      }
      if (next == '"') {
        advance();
        if (next != '"') {
          break;
        }
      } else if (next == '\n') {
        line++;
      } // a return alone inside quotes is content, no line of an editor
      field.append((char) next);
      advance();
    }
    if (next != ',' && next != '\n' && next != '\r' && next != END) {
      throw refusal(line, "'%c' follows a closing quote".formatted((char) next));
    }
    return field.toString();
  }

  /** Any of LF, CRLF and CR. */
  private void endLine() throws IOException {
    if (next == '\r') {
      advance();
      if (next != '\n') {
        line++;
        return;
      }
    }
    line++;
    advance();
  }

  private void advance() throws IOException {
    next = text.read();
  }

  private LoraException refusal(int at, String what) {
    return new LoraException(new Origin(file, at) + ": " + what);
  }
}
