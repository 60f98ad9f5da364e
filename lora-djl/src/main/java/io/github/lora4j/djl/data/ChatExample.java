package io.github.lora4j.djl.data;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A conversation to learn from.
 *
 * @param messages in the order in which they were said; at least one
 * @param tools functions that the model could call, each a JSON schema as a map; often none
 * @since 0.1.0
 */
public record ChatExample(List<ChatMessage> messages, List<Map<String, @Nullable Object>> tools) {

  /**
   * Copies the lists.
   *
   * @throws IllegalArgumentException if there is no message
   */
  public ChatExample {
    messages = List.copyOf(messages);
    tools = List.copyOf(tools);
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("a conversation needs at least one message, got none");
    }
  }

  /**
   * A conversation without tools.
   *
   * @param messages in order
   */
  public ChatExample(List<ChatMessage> messages) {
    this(messages, List.of());
  }
}
