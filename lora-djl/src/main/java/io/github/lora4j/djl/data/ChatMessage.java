package io.github.lora4j.djl.data;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What one side of a conversation said.
 *
 * @param role who spoke, e.g. {@code system}, {@code user} or {@code assistant}; which roles there
 *     are is for the chat template of a model to say
 * @param content the words, as they are; may be empty
 * @param more what else a chat template may look for, e.g. {@code tool_calls}, {@code name} or
 *     {@code reasoning_content}: texts, numbers, truth values, nulls, and lists and maps of them. A
 *     {@code content} in it is what the template sees in place of the words: null, or a list of
 *     parts
 * @since 0.1.0
 */
public record ChatMessage(String role, String content, Map<String, @Nullable Object> more) {

  /**
   * Checks the role and copies the map.
   *
   * @throws IllegalArgumentException if the role is blank
   */
  public ChatMessage {
    Objects.requireNonNull(content, "content");
    if (Objects.requireNonNull(role, "role").isBlank()) {
      throw new IllegalArgumentException("a message needs a role, e.g. 'user'; got '" + role + "'");
    }
    more = Collections.unmodifiableMap(new LinkedHashMap<>(more));
  }

  /**
   * A message that is a role and words.
   *
   * @param role who spoke
   * @param content the words
   */
  public ChatMessage(String role, String content) {
    this(role, content, Map.of());
  }

  /**
   * What someone asks.
   *
   * @param content the words
   * @return a message of the role {@code user}
   */
  public static ChatMessage user(String content) {
    return new ChatMessage("user", content);
  }

  /**
   * What the model said.
   *
   * @param content the words
   * @return a message of the role {@code assistant}
   */
  public static ChatMessage assistant(String content) {
    return new ChatMessage("assistant", content);
  }

  /**
   * What holds for the whole conversation.
   *
   * @param content the words
   * @return a message of the role {@code system}
   */
  public static ChatMessage system(String content) {
    return new ChatMessage("system", content);
  }

  /**
   * The same message with a member more.
   *
   * @param name e.g. {@code tool_calls}
   * @param value text, number, truth value, null, or a list or map of them
   * @return a new message
   */
  public ChatMessage with(String name, @Nullable Object value) {
    Map<String, @Nullable Object> members = new LinkedHashMap<>(more);
    members.put(name, value);
    return new ChatMessage(role, content, members);
  }

  /** The message as a template sees it. */
  Map<String, @Nullable Object> members() {
    Map<String, @Nullable Object> members = new LinkedHashMap<>();
    members.put("role", role);
    members.put("content", content);
    members.putAll(more);
    return members;
  }
}
