package io.github.lora4j.djl.data;

import java.util.List;

/**
 * A conversation to learn from.
 *
 * @param messages in the order in which they were said; at least one
 * @since 0.1.0
 */
public record ChatExample(List<ChatMessage> messages) {

  /**
   * Copies the list.
   *
   * @throws IllegalArgumentException if there is no message
   */
  public ChatExample {
    messages = List.copyOf(messages);
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("a conversation needs at least one message, got none");
    }
  }
}
