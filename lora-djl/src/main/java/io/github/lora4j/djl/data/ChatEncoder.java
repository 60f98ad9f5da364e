package io.github.lora4j.djl.data;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.TokenizedText;
import io.github.lora4j.djl.Tokenizer;
import io.github.lora4j.djl.jinja.JinjaTemplate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Turns conversations into token examples whose labels are what the assistant said. */
final class ChatEncoder {

  private final ChatTemplate template;
  private final Tokenizer tokenizer;
  private final Labels labels;
  private final ChatOptions options;

  /** A part of a text, chars. */
  private record Part(int start, int end) {}

  ChatEncoder(ChatTemplate template, Tokenizer tokenizer, Labels labels, ChatOptions options) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.labels = labels;
    this.options = options.generationPrompt(false);
  }

  /**
   * One conversation.
   *
   * @param name where it comes from, to be said if it is refused
   */
  TokenExample encode(ChatExample example, String name) {
    ChatOptions own = example.tools().isEmpty() ? options : options.tools(example.tools());
    JinjaTemplate.Rendering whole = template.rendering(example.messages(), own);
    TokenizedText text = tokenizer.encodeWithPlaces(whole.text(), false);
    if (labels == Labels.ALL_TOKENS) {
      return TokenExample.of(text.ids());
    }
    List<Part> parts =
        template.marksAnswers(own)
            ? marked(whole, name)
            : between(example.messages(), own, whole.text(), text, name);
    int[] marked = new int[text.ids().length];
    Arrays.fill(marked, TokenExample.IGNORE);
    int answered = 0;
    for (Part part : parts) {
      for (int i = 0; i < marked.length; i++) {
        // a token that straddles the border belongs to the answer: it could not have been given
        if (text.starts()[i] < part.end() && text.ends()[i] > part.start()) {
          marked[i] = text.ids()[i];
          answered++;
        }
      }
    }
    if (answered == 0) {
      throw new LoraException(
          name + ": the assistant says nothing in it, so there is nothing to learn; leave it out");
    }
    return new TokenExample(text.ids(), marked);
  }

  /** What the template itself marks. */
  private static List<Part> marked(JinjaTemplate.Rendering whole, String name) {
    List<Part> parts = new ArrayList<>();
    for (JinjaTemplate.Span span : whole.spans()) {
      if (!whole.text().startsWith(span.text(), span.start())) {
        throw new LoraException(
            name
                + ": the chat template changes the text of a generation block after it is written,"
                + " or writes it in a macro, so its place cannot be told");
      }
      parts.add(new Part(span.start(), span.start() + span.text().length()));
    }
    return parts;
  }

  /** From where an answer may begin to where the conversation up to it ends. */
  private List<Part> between(
      List<ChatMessage> messages, ChatOptions own, String whole, TokenizedText text, String name) {
    List<Part> parts = new ArrayList<>();
    for (int i = 0; i < messages.size(); i++) {
      if (!messages.get(i).role().equals("assistant")) {
        continue;
      }
      String prompt = template.render(messages.subList(0, i), own.generationPrompt(true));
      String through = template.render(messages.subList(0, i + 1), own);
      if (!whole.startsWith(through) || !through.startsWith(prompt)) {
        throw new LoraException(
            "%s: the chat template writes message %d in another way when the conversation goes on, so what is to be learned cannot be told; use a template that marks it by {%% generation %%}, or end the conversation there"
                .formatted(name, i + 1));
      }
      parts.add(new Part(prompt.length(), end(prompt.length(), through, text)));
    }
    return parts;
  }

  /** White space behind the token that ends a turn is no longer the model's. */
  private int end(int start, String through, TokenizedText text) {
    int end = through.length();
    while (end > start && Character.isWhitespace(through.charAt(end - 1))) {
      end--;
    }
    for (int i = 0; i < text.ids().length; i++) {
      if (text.ends()[i] == end && tokenizer.isSpecial(text.ids()[i])) {
        return end;
      }
    }
    return through.length();
  }
}
