package io.github.lora4j.djl.data;

import com.google.gson.stream.JsonReader;
import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads records of text columns and remembers where each stands. */
final class TextReader {

  private final List<Map<String, String>> records = new ArrayList<>();
  private final List<Origin> origins = new ArrayList<>();

  static TextDataset read(List<Path> files) throws IOException {
    TextReader reader = new TextReader();
    for (Path file : files) {
      reader.read(file, RecordFile.layout(file));
    }
    return new TextDataset(reader.records, reader.origins);
  }

  static TextDataset readJsonLines(Path file) throws IOException {
    TextReader reader = new TextReader();
    reader.read(file, RecordFile.Layout.JSON_LINES);
    return new TextDataset(reader.records, reader.origins);
  }

  private void read(Path file, RecordFile.Layout layout) throws IOException {
    if (layout == RecordFile.Layout.CSV) {
      CsvRecords.read(file, this::add);
    } else {
      JsonRecords.read(file, layout, (json, origin) -> add(object(json, origin), origin));
    }
  }

  private void add(Map<String, String> record, Origin origin) {
    records.add(record);
    origins.add(origin);
  }

  private static Map<String, String> object(JsonReader json, Origin origin) throws IOException {
    Map<String, String> record = new LinkedHashMap<>();
    json.beginObject();
    while (json.hasNext()) {
      String name = json.nextName();
      @Nullable String value = JsonRecords.plain(json);
      if (value != null && record.put(name, value) != null) {
        throw new LoraException("%s: column '%s' stands twice".formatted(origin, name));
      }
    }
    json.endObject();
    return record;
  }
}
