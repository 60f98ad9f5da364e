package io.github.lora4j.djl.data;

import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the {@code messages} of JSON records. */
final class ChatReader {

  private final List<ChatExample> examples = new ArrayList<>();

  static ChatDataset read(List<Path> files) throws IOException {
    ChatReader reader = new ChatReader();
    for (Path file : files) {
      RecordFile.Layout layout = RecordFile.layout(file);
      if (layout == RecordFile.Layout.CSV) {
        throw new IllegalArgumentException(
            "a file of conversations ends in .json, .jsonl or .ndjson, got '%s'".formatted(file));
      }
      JsonRecords.read(
          file, layout, (json, origin) -> reader.examples.add(conversation(json, origin)));
    }
    return new ChatDataset(reader.examples);
  }

  private static ChatExample conversation(JsonReader json, Origin origin) throws IOException {
    List<String> members = new ArrayList<>();
    @Nullable List<ChatMessage> messages = null;
    json.beginObject();
    while (json.hasNext()) {
      String name = json.nextName();
      members.add(name);
      if (!name.equals("messages") && !name.equals("conversations")) {
        json.skipValue();
      } else if (messages != null) {
        throw new LoraException(origin + ": has two lists of messages");
      } else {
        messages = messages(json, origin);
      }
    }
    json.endObject();
    if (messages == null) {
      throw new LoraException(
          "%s: wanted 'messages' or 'conversations', has %s".formatted(origin, members));
    }
    if (messages.isEmpty()) {
      throw new LoraException(origin + ": the list of messages is empty");
    }
    return new ChatExample(messages);
  }

  private static List<ChatMessage> messages(JsonReader json, Origin origin) throws IOException {
    List<ChatMessage> messages = new ArrayList<>();
    json.beginArray();
    while (json.hasNext()) {
      messages.add(message(json, "%s: message %d".formatted(origin, messages.size() + 1)));
    }
    json.endArray();
    return messages;
  }

  private static ChatMessage message(JsonReader json, String where) throws IOException {
    @Nullable String role = null;
    @Nullable String content = null;
    json.beginObject();
    while (json.hasNext()) {
      switch (json.nextName()) {
        case "role", "from" -> role = text(json);
        case "content", "value" -> content = text(json);
        case "tool_calls", "function_call" -> refuseCalls(json, where);
        default -> json.skipValue();
      }
    }
    json.endObject();
    if (role == null || role.isBlank() || content == null) {
      throw new LoraException(
          "%s needs texts 'role' and 'content' (or 'from' and 'value'), %s is none"
              .formatted(where, content == null ? "the content" : "the role"));
    }
    return new ChatMessage(role(role), content);
  }

  private static @Nullable String text(JsonReader json) throws IOException {
    if (json.peek() == JsonToken.STRING) {
      return json.nextString();
    }
    json.skipValue();
    return null;
  }

  /** An empty list is how some tools write that there are none. */
  private static void refuseCalls(JsonReader json, String where) throws IOException {
    boolean none = json.peek() == JsonToken.NULL;
    if (json.peek() == JsonToken.BEGIN_ARRAY) {
      json.beginArray();
      none = !json.hasNext();
      while (json.hasNext()) {
        json.skipValue();
      }
      json.endArray();
    } else {
      json.skipValue();
    }
    if (!none) {
      throw new LoraException(where + " calls a tool, which is more than a role and a text");
    }
  }

  private static String role(String written) {
    return switch (written) {
      case "human" -> "user";
      case "gpt" -> "assistant";
      default -> written;
    };
  }
}
