package io.github.lora4j.djl.data;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import com.google.gson.stream.JsonReader;
import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
    List<Map<String, @Nullable Object>> tools = List.of();
    json.beginObject();
    while (json.hasNext()) {
      String name = json.nextName();
      members.add(name);
      if (name.equals("tools")) {
        tools = tools(JsonParser.parseReader(json), origin);
      } else if (!name.equals("messages") && !name.equals("conversations")) {
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
    return new ChatExample(messages, tools);
  }

  private static List<Map<String, @Nullable Object>> tools(JsonElement json, Origin origin) {
    List<Map<String, @Nullable Object>> tools = new ArrayList<>();
    if (json.isJsonNull()) {
      return tools;
    }
    boolean objects = json.isJsonArray();
    for (JsonElement tool : objects ? json.getAsJsonArray() : new JsonArray()) {
      objects &= tool.isJsonObject();
      if (objects) {
        tools.add(JsonValues.map(tool.getAsJsonObject()));
      }
    }
    if (!objects) {
      throw new LoraException(origin + ": 'tools' is no list of objects");
    }
    return tools;
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
    @Nullable JsonElement content = null;
    Map<String, @Nullable Object> more = new LinkedHashMap<>();
    json.beginObject();
    while (json.hasNext()) {
      String name = json.nextName();
      JsonElement value = JsonParser.parseReader(json);
      switch (name) {
        case "role", "from" -> role = isText(value) ? value.getAsString() : null;
        case "content", "value" -> content = value;
        default -> {
          if (!isNothing(value)) {
            more.put(name, JsonValues.of(value));
          }
        }
      }
    }
    json.endObject();
    if (role == null || role.isBlank()) {
      throw new LoraException(where + " needs a text 'role' (or 'from')");
    }
    if (content != null && isText(content)) {
      return new ChatMessage(role(role), content.getAsString(), more);
    }
    boolean parts = content != null && content.isJsonArray();
    if (!parts && !more.containsKey("tool_calls")) {
      throw new LoraException(
          where + " needs 'content' (or 'value'): a text, a list of parts, or calls of tools");
    }
    more.put("content", content == null ? null : JsonValues.of(content));
    return new ChatMessage(role(role), "", more);
  }

  private static boolean isText(JsonElement value) {
    return value.isJsonPrimitive() && value.getAsJsonPrimitive().isString();
  }

  /** Null and an empty list are how some tools write that there is none. */
  private static boolean isNothing(JsonElement value) {
    return value.isJsonNull() || (value.isJsonArray() && value.getAsJsonArray().isEmpty());
  }

  private static String role(String written) {
    return switch (written) {
      case "human" -> "user";
      case "gpt" -> "assistant";
      default -> written;
    };
  }
}
