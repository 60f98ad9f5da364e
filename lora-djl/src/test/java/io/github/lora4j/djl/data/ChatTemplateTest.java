package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Chat templates, against what transformers makes of them ({@code tools/golden/chat.py}). */
final class ChatTemplateTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/chat");
  private static final List<ChatMessage> HI = List.of(ChatMessage.user("Hi"));

  @TempDir Path temp;

  static Stream<String> templates() throws IOException {
    return new ChatCases(GOLDEN).templates().stream();
  }

  @ParameterizedTest
  @MethodSource("templates")
  void textsAndRefusalsAreThoseOfTransformers(String template) throws IOException {
    List<String> differences = new ChatCases(GOLDEN).differences(template);

    assertThat(differences).isEmpty();
  }

  @Test
  void oneTemplateStandsInTheConfiguration() throws IOException {
    config("\"chat_template\": \"{{ bos_token }}{{ messages[0].content }}{{ eos_token }}\"");

    ChatTemplate template = ChatTemplate.of(temp);

    assertThat(template.names()).containsExactly("default");
    assertThat(template.render(HI, ChatOptions.plain())).isEqualTo("<s>Hi</s>");
  }

  @Test
  void toolsChooseTheTemplateForTools() throws IOException {
    config(
        "\"chat_template\": [{\"name\": \"default\", \"template\": \"plain\"},"
            + " {\"name\": \"tool_use\", \"template\": \"{{ tools | tojson }}\"},"
            + " {\"name\": \"rag\", \"template\": \"{{ documents | length }}\"}]");

    ChatTemplate template = ChatTemplate.of(temp);

    ChatOptions tools = ChatOptions.plain().tools("[{\"name\": \"f\"}]");
    assertThat(template.names()).containsExactly("default", "rag", "tool_use");
    assertThat(template.render(HI, ChatOptions.plain())).isEqualTo("plain");
    assertThat(template.render(HI, tools)).isEqualTo("[{\"name\": \"f\"}]");
    assertThat(
            template
                .named("rag")
                .render(HI, tools.with("documents", List.of(Map.of("title", "a")))))
        .isEqualTo("1");
    assertThatThrownBy(() -> template.named("other"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(temp + " has no chat template 'other'; it has [default, rag, tool_use]");
  }

  @Test
  void filesCountBeforeTheConfiguration() throws IOException {
    config("\"chat_template\": \"configured\"");
    Files.writeString(temp.resolve("chat_template.jinja"), "file {{ eos_token }}\n");
    Path more = Files.createDirectory(temp.resolve("additional_chat_templates"));
    Files.writeString(more.resolve("tool_use.jinja"), "tools");

    ChatTemplate template = ChatTemplate.of(temp);

    assertThat(template.render(HI, ChatOptions.plain())).isEqualTo("file </s>");
    assertThat(template.render(HI, ChatOptions.plain().tools("[{}]"))).isEqualTo("tools");
  }

  /** As beside Gemma 3 and others that see pictures, where their processor was saved. */
  @Test
  void theTemplateOfAProcessorIsTheLastThatCounts() throws IOException {
    config("\"model_max_length\": 5");
    Path file = temp.resolve("chat_template.json");
    Files.writeString(file, "{\"chat_template\": \"{{ bos_token }}p\"}");

    assertThat(ChatTemplate.of(temp).render(HI, ChatOptions.plain())).isEqualTo("<s>p");
    config("\"chat_template\": \"configured\"");
    assertThat(ChatTemplate.of(temp).render(HI, ChatOptions.plain())).isEqualTo("configured");
    config("\"model_max_length\": 5");
    Files.writeString(file, "{\"template\": \"x\"}");
    assertThatThrownBy(() -> ChatTemplate.of(temp))
        .isInstanceOf(LoraException.class)
        .hasMessage(file + ": chat_template is missing");
  }

  @Test
  void aModelWithoutTemplateIsRefused() throws IOException {
    config("\"model_max_length\": 5");

    assertThatThrownBy(() -> ChatTemplate.of(temp))
        .isInstanceOf(LoraException.class)
        .hasMessage(
            temp
                + " has no chat template: neither chat_template.jinja, nor chat_template in"
                + " tokenizer_config.json, nor chat_template.json; a base model has none, an instruct model has");
  }

  @Test
  void severalTemplatesWithoutDefaultHaveToBeChosenFrom() throws IOException {
    config("\"chat_template\": [{\"name\": \"a\", \"template\": \"one\"}]");
    ChatTemplate template = ChatTemplate.of(temp);

    assertThat(template.named("a").render(HI, ChatOptions.plain())).isEqualTo("one");
    assertThatThrownBy(() -> template.render(HI, ChatOptions.plain()))
        .isInstanceOf(LoraException.class)
        .hasMessage(temp + " has no default chat template; choose one of [a] by named()");
  }

  @Test
  void aTemplateThatIsNoneIsRefusedWithItsLine() throws IOException {
    Files.writeString(temp.resolve("chat_template.jinja"), "a\n{% for m in messages %}\n{{ m }\n");

    assertThatThrownBy(() -> ChatTemplate.of(temp))
        .isInstanceOf(LoraException.class)
        .hasMessage(temp + ": chat template 'default' cannot be read: line 3: '}' closes nothing");
  }

  @Test
  void whatATemplateRefusesIsSaidInItsOwnWords() {
    ChatTemplate template =
        ChatTemplate.parse("{{ raise_exception('Only ' ~ messages|length ~ '?') }}", Map.of());

    assertThatThrownBy(() -> template.render(HI, ChatOptions.plain()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the chat template: the chat template refuses the messages: Only 1?");
  }

  @Test
  void whatATemplateCannotDoIsSaidWithItsLine() {
    ChatTemplate template = ChatTemplate.parse("\n{{ messages[0].name.first }}", Map.of());

    assertThatThrownBy(() -> template.render(HI, ChatOptions.plain()))
        .isInstanceOf(LoraException.class)
        .hasMessage(
            "the chat template: the chat template cannot be rendered: line 2: a mapping has no 'name'");
  }

  @Test
  void variablesOfOtherTypesAreRefused() {
    ChatTemplate template = ChatTemplate.parse("{{ file }}", Map.of());

    assertThatThrownBy(
            () -> template.render(HI, ChatOptions.plain().with("file", Path.of("secret"))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(
            "a template takes texts, numbers, truth values, lists and maps, got a ");
    assertThatThrownBy(() -> ChatOptions.plain().tools("{}"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("tools are a JSON array of objects: ");
  }

  private void config(String members) throws IOException {
    Files.writeString(
        temp.resolve("tokenizer_config.json"),
        "{\"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\"}, " + members + "}");
  }
}
