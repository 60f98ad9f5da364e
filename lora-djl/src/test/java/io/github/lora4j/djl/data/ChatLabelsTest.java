package io.github.lora4j.djl.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Which tokens of conversations are learned. */
final class ChatLabelsTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final List<ChatMessage> TALK =
      List.of(
          ChatMessage.system("Be short."),
          ChatMessage.user("Why?"),
          ChatMessage.assistant("Because 😀"),
          ChatMessage.user("And?"),
          ChatMessage.assistant("So."));
  private static final String CHATML =
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
          + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

  private Tokenizer tokenizer;

  @BeforeEach
  void load() throws IOException {
    tokenizer = Tokenizer.load(GOLDEN.resolve("tokenizers/qwen2"));
  }

  @AfterEach
  void close() {
    tokenizer.close();
  }

  private static ChatTemplate template(String source) {
    return ChatTemplate.parse(source, Map.of("eos_token", "</s>", "bos_token", "<s>"));
  }

  private static ChatDataset dataset(ChatMessage... messages) {
    return new ChatDataset(List.of(new ChatExample(List.of(messages))));
  }

  /** The learned parts as text, special tokens shown. */
  private List<String> learned(TokenExample example) {
    List<String> parts = new ArrayList<>();
    int[] labels = example.labels();
    for (int i = 0; i < labels.length; i++) {
      int end = i;
      while (end < labels.length && labels[end] != TokenExample.IGNORE) {
        end++;
      }
      if (end > i) {
        parts.add(tokenizer.decode(Arrays.copyOfRange(example.tokens(), i, end), false));
        i = end;
      }
    }
    return parts;
  }

  @Test
  void generationBlocksMarkWhatTransformersMarks() throws IOException {
    ChatCases cases = new ChatCases(GOLDEN.resolve("chat"));
    JsonObject masks =
        JsonParser.parseString(Files.readString(GOLDEN.resolve("chat/masks.json")))
            .getAsJsonObject();
    assertThat(masks.size()).isEqualTo(18);

    for (Map.Entry<String, JsonElement> one : masks.entrySet()) {
      String[] names = one.getKey().split(" ", -1);
      try (Tokenizer own = Tokenizer.load(GOLDEN.resolve("tokenizers").resolve(names[0]))) {
        ChatTemplate template =
            ChatTemplate.parse(
                cases.source("marked.jinja"),
                Map.of("eos_token", own.decode(new int[] {own.eosId().orElseThrow()}, false)));
        List<ChatMessage> messages = cases.messages(names[1]);

        TokenExample example =
            new ChatDataset(List.of(new ChatExample(messages))).toTraining(template, own).get(0);

        JsonObject expected = one.getValue().getAsJsonObject();
        int[] mask =
            Arrays.stream(example.labels()).map(id -> id == TokenExample.IGNORE ? 0 : 1).toArray();
        assertThat(example.tokens()).as(one.getKey()).isEqualTo(ints(expected.get("ids")));
        assertThat(mask).as(one.getKey()).isEqualTo(ints(expected.get("mask")));
      }
    }
  }

  private static int[] ints(JsonElement array) {
    return array.getAsJsonArray().asList().stream().mapToInt(JsonElement::getAsInt).toArray();
  }

  @Test
  void withoutBlocksEveryTurnIsLearnedWithItsEnd() {
    ChatDataset dataset = new ChatDataset(List.of(new ChatExample(TALK)));

    TokenExample example = dataset.toTraining(template(CHATML), tokenizer).get(0);

    assertThat(learned(example)).containsExactly("Because 😀<|im_end|>", "So.<|im_end|>");
    assertThat(tokenizer.decode(example.tokens(), false))
        .isEqualTo(template(CHATML).render(TALK, ChatOptions.plain()));
  }

  @Test
  void tokensAreThoseOfTheTemplateAlone() {
    ChatTemplate template = template(CHATML);

    int[] ids = template.encode(TALK, ChatOptions.forAnswer(), tokenizer);

    String text = template.render(TALK, ChatOptions.forAnswer());
    assertThat(ids).isEqualTo(tokenizer.encode(text, false));
    assertThat(text).endsWith("<|im_end|>\n<|im_start|>assistant\n");
  }

  @Test
  void allTokensCanBeLearned() {
    TokenExample example =
        new ChatDataset(List.of(new ChatExample(TALK)))
            .toTraining(
                template(CHATML),
                tokenizer,
                Labels.ALL_TOKENS,
                Truncation.none(),
                ChatOptions.plain())
            .get(0);

    assertThat(example.labels()).isEqualTo(example.tokens());
  }

  @Test
  void longConversationsAreCutAsOtherExamples() {
    ChatDataset dataset = new ChatDataset(List.of(new ChatExample(TALK)));
    TokenExample whole = dataset.toTraining(template(CHATML), tokenizer).get(0);

    TokenExample end = cut(dataset, Truncation.keepEnd(12)).get(0);

    int length = whole.tokens().length;
    assertThat(end.tokens()).isEqualTo(Arrays.copyOfRange(whole.tokens(), length - 12, length));
    assertThat(end.labels()).isEqualTo(Arrays.copyOfRange(whole.labels(), length - 12, length));
    assertThat(cut(dataset, Truncation.skip(12)).size()).isZero();
    assertThatThrownBy(() -> cut(dataset, Truncation.refuse(12)))
        .isInstanceOf(LoraException.class)
        .hasMessage(
            "conversation 0 has %d tokens, the limit is 12; choose another truncation"
                .formatted(length));
  }

  private TrainingDataset cut(ChatDataset dataset, Truncation truncation) {
    return dataset.toTraining(
        template(CHATML), tokenizer, Labels.ANSWER_ONLY, truncation, ChatOptions.plain());
  }

  @Test
  void aTurnThatIsWrittenInAnotherWayLaterIsRefused() throws IOException {
    String thinking = Files.readString(GOLDEN.resolve("chat/thinking.jinja"));
    ChatDataset two =
        dataset(
            ChatMessage.user("a"),
            ChatMessage.assistant("b"),
            ChatMessage.user("c"),
            ChatMessage.assistant("d").with("reasoning_content", "hm"));
    ChatDataset one =
        dataset(ChatMessage.user("c"), ChatMessage.assistant("d").with("reasoning_content", "hm"));

    assertThat(learned(one.toTraining(template(thinking), tokenizer).get(0)))
        .containsExactly("<think>\nhm\n</think>\n\nd<|im_end|>");
    assertThatThrownBy(() -> two.toTraining(template(thinking), tokenizer))
        .isInstanceOf(LoraException.class)
        .hasMessage(
            "conversation 0: the chat template writes message 2 in another way when the"
                + " conversation goes on, so what is to be learned cannot be told; use a template"
                + " that marks it by {% generation %}, or end the conversation there");
  }

  @Test
  void blocksWhosePlaceCannotBeToldAreRefused() {
    String macro =
        "{% macro say(m) %}{{ m.role }}: {% generation %}{{ m.content }}{% endgeneration %}{% endmacro %}"
            + "{% for m in messages %}{{ say(m) }}{% endfor %}";

    assertThatThrownBy(
            () ->
                dataset(ChatMessage.user("a"), ChatMessage.assistant("b"))
                    .toTraining(template(macro), tokenizer))
        .isInstanceOf(LoraException.class)
        .hasMessageStartingWith(
            "conversation 0: the chat template changes the text of a generation")
        .hasMessageEndingWith("so its place cannot be told");
  }

  @Test
  void aConversationWithoutAnswersIsRefused() {
    assertThatThrownBy(() -> dataset(ChatMessage.user("a")).toTraining(template(CHATML), tokenizer))
        .isInstanceOf(LoraException.class)
        .hasMessage(
            "conversation 0: the assistant says nothing in it, so there is nothing to learn; leave it out");
  }

  @Test
  void toolsOfAConversationReachTheTemplate() {
    ChatExample example =
        new ChatExample(
            List.of(ChatMessage.user("a"), ChatMessage.assistant("b")),
            List.of(Map.of("name", "f")));
    ChatTemplate template = template("{{ tools | map(attribute='name') | join }}" + CHATML);

    TokenExample tokens = new ChatDataset(List.of(example)).toTraining(template, tokenizer).get(0);

    assertThat(tokenizer.decode(tokens.tokens(), false)).startsWith("f<|im_start|>user");
    assertThat(learned(tokens)).containsExactly("b<|im_end|>");
  }
}
