package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of conversations. */
final class ChatDatasetTest {

  private static final ChatExample TALK =
      new ChatExample(
          List.of(
              new ChatMessage("system", "Be short."),
              new ChatMessage("user", "Why?"),
              new ChatMessage("assistant", "")));
  private static final String MESSAGES =
      """
      {"id": 1, "messages": [{"role": "system", "content": "Be short."}, {"content": "Why?", "role": "user"}, \
      {"role": "assistant", "content": "", "name": null, "tool_calls": [], "function_call": null}]}
      """;
  private static final String SHARE_GPT =
      """
      {"conversations": [{"from": "system", "value": "Be short."}, {"from": "human", "value": "Why?"}, \
      {"from": "gpt", "value": ""}], "source": {"url": []}}
      """;

  @TempDir Path temp;

  @Test
  void messagesAndConversationsAreTheSame() throws IOException {
    Path lines = Files.writeString(temp.resolve("talk.jsonl"), MESSAGES + "\n" + SHARE_GPT);
    Path array =
        Files.writeString(temp.resolve("talk.json"), "[" + MESSAGES + "," + SHARE_GPT + "]");

    assertThat(ChatDataset.read(lines).examples()).containsExactly(TALK, TALK);
    assertThat(ChatDataset.read(array).examples()).containsExactly(TALK, TALK);
    assertThat(ChatDataset.read(List.of(lines, array)).size()).isEqualTo(4);
  }

  @Test
  void orderDependsOnTheSeedOnly() {
    List<ChatExample> talks =
        List.of("a", "b", "c", "d", "e").stream()
            .map(word -> new ChatExample(List.of(new ChatMessage("user", word))))
            .toList();
    ChatDataset dataset = new ChatDataset(talks);

    assertThat(dataset.shuffle(3)).isEqualTo(dataset.shuffle(3)).isNotEqualTo(dataset.shuffle(4));
    assertThat(dataset.shuffle(3).examples()).containsExactlyInAnyOrderElementsOf(talks);
    assertThat(dataset.limit(2).examples()).isEqualTo(talks.subList(0, 2));
    assertThat(dataset.limit(9).size()).isEqualTo(5);
  }

  @Test
  void refusalsNameFileAndLine() throws IOException {
    assertRefused(
        "{\"prompt\": \"x\", \"a\": 1}", ": wanted 'messages' or 'conversations', has [prompt, a]");
    assertRefused("{\"messages\": []}", ": the list of messages is empty");
    assertRefused("{\"messages\": {}}", " is no JSON object: Expected BEGIN_ARRAY");
    assertRefused(
        "{\"messages\": [{\"role\": \"a\", \"content\": \"\"}], \"conversations\": []}",
        ": has two lists of messages");
    assertRefused(
        "{\"messages\": [{\"role\": \"a\", \"content\": \"\"}, {\"role\": \"b\"}]}",
        ": message 2 needs 'content' (or 'value'): a text, a list of parts, or calls of tools");
    assertRefused(
        "{\"messages\": [{\"role\": \"a\", \"content\": 3}]}",
        ": message 1 needs 'content' (or 'value'): a text, a list of parts, or calls of tools");
    assertRefused(
        "{\"messages\": [{\"role\": \" \", \"content\": \"\"}]}",
        ": message 1 needs a text 'role' (or 'from')");
    assertRefused(
        "{\"messages\": [{\"role\": \"a\", \"content\": \"\"}], \"tools\": [{}, 1]}",
        ": 'tools' is no list of objects");
  }

  @Test
  void whatElseAMessageHasGoesToTheTemplate() throws IOException {
    Path file =
        Files.writeString(
            temp.resolve("talk.jsonl"),
            """
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Weather?"}], "name": "Ann"}, \
            {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"n": 2}}}]}], \
            "tools": [{"name": "f", "strict": true, "top": 0.5}]}
            """);

    ChatExample example = ChatDataset.read(file).examples().get(0);

    ChatMessage call = example.messages().get(1);
    assertThat(example.messages().get(0).more())
        .containsEntry("name", "Ann")
        .containsEntry("content", List.of(Map.of("type", "text", "text", "Weather?")));
    assertThat(call.content()).isEmpty();
    assertThat(call.more()).containsEntry("content", null).containsKey("tool_calls");
    assertThat(String.valueOf(call.more().get("tool_calls")))
        .isEqualTo("[{function={name=f, arguments={n=2}}}]");
    assertThat(example.tools()).containsExactly(Map.of("name", "f", "strict", true, "top", 0.5));
  }

  private void assertRefused(String record, String message) throws IOException {
    Path file = Files.writeString(temp.resolve("talk.jsonl"), MESSAGES + "\n" + record);

    assertThatThrownBy(() -> ChatDataset.read(file))
        .isInstanceOf(LoraException.class)
        .message()
        .startsWith(file + ": line 3" + message)
        .hasLineCount(1);
  }

  @Test
  void tablesHoldNoConversations() {
    assertThatThrownBy(() -> ChatDataset.read(Path.of("talk.csv")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a file of conversations ends in .json, .jsonl or .ndjson, got 'talk.csv'");
  }

  @Test
  void recordsCheckThemselves() {
    assertThatThrownBy(() -> new ChatExample(List.of()))
        .hasMessage("a conversation needs at least one message, got none");
    assertThatThrownBy(() -> new ChatMessage(" ", "x"))
        .hasMessage("a message needs a role, e.g. 'user'; got ' '");
  }
}
