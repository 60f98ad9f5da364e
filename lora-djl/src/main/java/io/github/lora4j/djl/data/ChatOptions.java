package io.github.lora4j.djl.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.lora4j.io.JsonReason;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a chat template is told besides the messages.
 *
 * @param tools functions that the model may call, each a JSON schema as a map; with none the
 *     template sees no list
 * @param generationPrompt whether the text ends where the model's answer begins
 * @param variables what else the template is told, e.g. {@code enable_thinking}: texts, numbers,
 *     truth values, nulls, and lists and maps of them
 * @param now the time that a template shows; empty for the time of the call
 * @since 0.1.0
 */
public record ChatOptions(
    List<Map<String, @Nullable Object>> tools,
    boolean generationPrompt,
    Map<String, @Nullable Object> variables,
    Optional<LocalDateTime> now) {

  private static final ChatOptions PLAIN =
      new ChatOptions(List.of(), false, Map.of(), Optional.empty());

  /** Copies list and map. */
  public ChatOptions {
    tools = List.copyOf(tools);
    variables = Collections.unmodifiableMap(new LinkedHashMap<>(variables));
  }

  /**
   * No tools, no variables, and the text ends with the last message.
   *
   * @return the options to start from
   */
  public static ChatOptions plain() {
    return PLAIN;
  }

  /**
   * The text ends where the model's answer begins: to generate from.
   *
   * @return the options to start from
   */
  public static ChatOptions forAnswer() {
    return PLAIN.generationPrompt(true);
  }

  /**
   * The same with a text that ends where the model's answer begins, or that does not.
   *
   * @param wanted whether it does
   * @return new options
   */
  public ChatOptions generationPrompt(boolean wanted) {
    return new ChatOptions(tools, wanted, variables, now);
  }

  /**
   * The same with functions that the model may call.
   *
   * @param schemas each a JSON schema
   * @return new options
   */
  public ChatOptions tools(List<Map<String, @Nullable Object>> schemas) {
    return new ChatOptions(schemas, generationPrompt, variables, now);
  }

  /**
   * The same with functions that the model may call.
   *
   * @param json an array of JSON schemas
   * @return new options
   * @throws IllegalArgumentException if the text is no JSON array of objects
   */
  public ChatOptions tools(String json) {
    List<Map<String, @Nullable Object>> schemas = new ArrayList<>();
    try {
      for (JsonElement schema : JsonParser.parseString(json).getAsJsonArray()) {
        schemas.add(JsonValues.map(schema.getAsJsonObject()));
      }
    } catch (JsonParseException | IllegalStateException e) {
      throw new IllegalArgumentException(
          "tools are a JSON array of objects: " + JsonReason.of(e), e);
    }
    return tools(schemas);
  }

  /**
   * The same with a variable more.
   *
   * @param name e.g. {@code enable_thinking}
   * @param value text, number, truth value, null, or a list or map of them
   * @return new options
   */
  public ChatOptions with(String name, @Nullable Object value) {
    Map<String, @Nullable Object> more = new LinkedHashMap<>(variables);
    more.put(name, value);
    return new ChatOptions(tools, generationPrompt, more, now);
  }

  /**
   * The same at another time.
   *
   * @param time what a template shows
   * @return new options
   */
  public ChatOptions at(LocalDateTime time) {
    return new ChatOptions(tools, generationPrompt, variables, Optional.of(time));
  }
}
