package io.github.lora4j.djl.data;

import java.util.Objects;

/**
 * What one side of a conversation said.
 *
 * @param role who spoke, e.g. {@code system}, {@code user} or {@code assistant}; which roles there
 *     are is for the chat template of a model to say
 * @param content the words, as they are; may be empty
 * @since 0.1.0
 */
public record ChatMessage(String role, String content) {

  /**
   * Checks the role.
   *
   * @throws IllegalArgumentException if the role is blank
   */
  public ChatMessage {
    Objects.requireNonNull(content, "content");
    if (Objects.requireNonNull(role, "role").isBlank()) {
      throw new IllegalArgumentException("a message needs a role, e.g. 'user'; got '" + role + "'");
    }
  }
}
