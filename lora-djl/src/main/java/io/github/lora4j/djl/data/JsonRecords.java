package io.github.lora4j.djl.data;

import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import io.github.lora4j.LoraException;
import io.github.lora4j.io.JsonReason;
import java.io.BufferedReader;
import java.io.EOFException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Goes through the objects of a file: an array of them, or one a line. */
final class JsonRecords {

  /** How the parser says where it is; its line is told nowhere else. */
  private static final Pattern LINE = Pattern.compile(" at line (\\d+) ");

  private final Path file;
  private final Sink sink;

  private JsonRecords(Path file, Sink sink) {
    this.file = file;
    this.sink = sink;
  }

  /** Reads an object, from its opening to its closing brace. */
  interface Sink {
    void read(JsonReader json, Origin origin) throws IOException;
  }

  static void read(Path file, RecordFile.Layout layout, Sink sink) throws IOException {
    JsonRecords records = new JsonRecords(file, sink);
    RecordFile.read(
        file,
        text -> {
          if (layout == RecordFile.Layout.JSON && records.isArray(text)) {
            records.array(text);
          } else {
            records.lines(text);
          }
        });
  }

  /** Many a file that is called .json holds an object a line. */
  private boolean isArray(BufferedReader text) throws IOException {
    int first;
    do {
      text.mark(1);
      first = text.read();
    } while (first == ' ' || first == '\t' || first == '\n' || first == '\r');
    if (first != '[' && first != '{') {
      throw new LoraException(file + ": wanted an array of objects, or an object a line");
    }
    text.reset();
    return first == '[';
  }

  private void lines(BufferedReader text) throws IOException {
    int number = 0;
    for (String line = text.readLine(); line != null; line = text.readLine()) {
      number++;
      if (!line.isBlank()) {
        line(line, new Origin(file, number));
      }
    }
  }

  private void line(String line, Origin origin) throws IOException {
    try (JsonReader json = strict(new JsonReader(new StringReader(line)))) {
      sink.read(json, origin);
      requireEnd(json);
    } catch (MalformedJsonException | EOFException | IllegalStateException | JsonParseException e) {
      throw new LoraException(
          "%s is no JSON object: %s"
              .formatted(origin, JsonReason.of(e).replace(" at line 1 ", " at ")),
          e);
    }
  }

  private void array(BufferedReader text) throws IOException {
    JsonReader json = strict(new JsonReader(text)); // the caller closes the text
    try {
      json.beginArray();
      while (json.hasNext()) {
        sink.read(json, new Origin(file, lineOf(json)));
      }
      json.endArray();
      requireEnd(json);
    } catch (MalformedJsonException | EOFException | IllegalStateException | JsonParseException e) {
      throw new LoraException(
          "%s: wanted an array of objects: %s".formatted(file, JsonReason.of(e)), e);
    }
  }

  private static void requireEnd(JsonReader json) throws IOException {
    if (json.peek() != JsonToken.END_DOCUMENT) { // a strict reader already complains here
      throw new MalformedJsonException("something follows at " + json.getPath());
    }
  }

  private static JsonReader strict(JsonReader json) {
    json.setStrictness(Strictness.STRICT);
    return json;
  }

  private static int lineOf(JsonReader json) {
    Matcher matcher = LINE.matcher(json.toString());
    return matcher.find() ? Integer.parseInt(matcher.group(1)) : 1;
  }

  /** The text of a plain value; for null, an array or an object, null, and it is skipped. */
  static @Nullable String plain(JsonReader json) throws IOException {
    JsonToken token = json.peek();
    return switch (token) {
      case STRING, NUMBER -> json.nextString();
      case BOOLEAN -> String.valueOf(json.nextBoolean());
      default -> {
        json.skipValue();
        yield null;
      }
    };
  }
}
