package io.github.lora4j.djl.data;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.jinja.JinjaTemplate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Conversations and what transformers makes of them, as {@code tools/golden/chat.py} writes them.
 */
final class ChatCases {

  private static final Map<String, String> SPECIAL_TOKENS =
      Map.of("bos_token", "<s>", "eos_token", "</s>", "pad_token", "<pad>", "unk_token", "<unk>");

  private final Path directory;
  private final JsonObject cases;
  private final JsonObject expected;

  ChatCases(Path directory) throws IOException {
    JsonObject all =
        JsonParser.parseString(Files.readString(directory.resolve("expected.json")))
            .getAsJsonObject();
    this.directory = directory;
    this.cases = all.getAsJsonObject("cases");
    this.expected = all.getAsJsonObject("expected");
  }

  List<String> templates() {
    return List.copyOf(expected.keySet());
  }

  String source(String template) throws IOException {
    return Files.readString(directory.resolve(template));
  }

  /** What a template gives otherwise than transformers, a line each. */
  List<String> differences(String name) throws IOException {
    ChatTemplate template;
    try {
      template = ChatTemplate.parse(source(name), SPECIAL_TOKENS);
    } catch (LoraException e) {
      return List.of(name + ": " + e.getMessage());
    }
    List<String> differences = new ArrayList<>();
    for (Map.Entry<String, JsonElement> one : expected.getAsJsonObject(name).entrySet()) {
      String found;
      try {
        JinjaTemplate.Rendering rendering = rendering(template, one.getKey());
        found = difference(one.getValue().getAsJsonObject(), rendering);
      } catch (LoraException | IllegalArgumentException e) {
        found = one.getValue().getAsJsonObject().has("text") ? String.valueOf(e.getMessage()) : "";
      }
      if (!found.isEmpty()) {
        differences.add(name + " on " + one.getKey() + ": " + found);
      }
    }
    return differences;
  }

  JinjaTemplate.Rendering rendering(ChatTemplate template, String name) {
    return template.rendering(messages(name), options(name));
  }

  private static String difference(JsonObject expected, JinjaTemplate.Rendering rendering) {
    if (!expected.has("text")) {
      return "transformers refuses: " + expected.get("refused").getAsString();
    }
    String text = expected.get("text").getAsString();
    if (!text.equals(rendering.text())) {
      return "wanted\n" + text + "\ngot\n" + rendering.text();
    }
    List<String> spans = new ArrayList<>();
    JsonElement marked = expected.get("spans");
    for (JsonElement span : marked.isJsonArray() ? marked.getAsJsonArray() : new JsonArray()) {
      int from = text.offsetByCodePoints(0, span.getAsJsonArray().get(0).getAsInt());
      int to = text.offsetByCodePoints(0, span.getAsJsonArray().get(1).getAsInt());
      spans.add(from + ":" + text.substring(from, to));
    }
    List<String> ours =
        rendering.spans().stream().map(span -> span.start() + ":" + span.text()).toList();
    return spans.equals(ours) ? "" : "wanted blocks " + spans + ", got " + ours;
  }

  List<ChatMessage> messages(String name) {
    List<ChatMessage> messages = new ArrayList<>();
    for (JsonElement json : cases.getAsJsonObject(name).getAsJsonArray("messages")) {
      Map<String, @Nullable Object> members = JsonValues.map(json.getAsJsonObject());
      String role = String.valueOf(members.remove("role"));
      if (members.get("content") instanceof String text) {
        members.remove("content");
        messages.add(new ChatMessage(role, text, members));
      } else {
        messages.add(new ChatMessage(role, "", members));
      }
    }
    return messages;
  }

  ChatOptions options(String name) {
    Map<String, @Nullable Object> variables =
        new LinkedHashMap<>(JsonValues.map(cases.getAsJsonObject(name)));
    variables.remove("messages");
    Object prompt = variables.remove("add_generation_prompt");
    ChatOptions options =
        ChatOptions.plain()
            .generationPrompt(Boolean.TRUE.equals(prompt))
            .at(LocalDateTime.of(2026, 1, 2, 3, 4, 5));
    if (variables.remove("tools") != null) {
      options = options.tools(cases.getAsJsonObject(name).getAsJsonArray("tools").toString());
    }
    for (Map.Entry<String, @Nullable Object> variable : variables.entrySet()) {
      options = options.with(variable.getKey(), variable.getValue());
    }
    return options;
  }
}
