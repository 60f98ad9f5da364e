package io.github.lora4j.djl.data;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.Tokenizer;
import io.github.lora4j.djl.internal.ModelTokens;
import io.github.lora4j.djl.jinja.JinjaException;
import io.github.lora4j.djl.jinja.JinjaTemplate;
import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * How a model wants conversations written: the Jinja template that comes with its tokenizer, with
 * the text that transformers makes of it. Safe for use from many threads.
 *
 * <pre>{@code
 * ChatTemplate template = ChatTemplate.of(modelDirectory);
 * int[] prompt = template.encode(
 *     List.of(ChatMessage.user("What is LoRA?")), ChatOptions.forAnswer(), base.tokenizer());
 * TextGenerator.of(base).generate(GenerationRequest.of(prompt), options, System.out::print);
 * }</pre>
 *
 * <p>A template is a program of strangers. It sees the messages and options and nothing else: no
 * class, file or network; and a rendering that computes too much is refused.
 *
 * @since 0.1.0
 */
public final class ChatTemplate {

  private static final String DEFAULT = "default";
  private static final String TOOL_USE = "tool_use";

  private final String where;
  private final Map<String, JinjaTemplate> templates;
  private final Optional<String> name;
  private final Map<String, String> specialTokens;

  private ChatTemplate(
      String where,
      Map<String, JinjaTemplate> templates,
      Optional<String> name,
      Map<String, String> specialTokens) {
    this.where = where;
    this.templates = templates;
    this.name = name;
    this.specialTokens = specialTokens;
  }

  /**
   * Reads the templates of a model. {@code chat_template.jinja} and {@code
   * additional_chat_templates/NAME.jinja} count before {@code chat_template} in {@code
   * tokenizer_config.json}, which is a text or a list of named texts, and that before {@code
   * chat_template.json}.
   *
   * @param modelDirectory the directory of a checkpoint
   * @return the templates
   * @throws IOException if a file cannot be read, or there is none
   * @throws LoraException if there is no template, or one is no Jinja or uses what is not there
   */
  public static ChatTemplate of(Path modelDirectory) throws IOException {
    Map<String, String> sources = ChatTemplateFiles.read(modelDirectory);
    return parse(modelDirectory.toString(), sources, ModelTokens.roles(modelDirectory));
  }

  /**
   * Reads a template that is given as text.
   *
   * @param source the template
   * @param specialTokens what it is told of its tokenizer: {@code bos_token}, {@code eos_token} and
   *     so on
   * @return the template
   * @throws LoraException if it is no Jinja or uses what is not there, with the line
   */
  public static ChatTemplate parse(String source, Map<String, String> specialTokens) {
    return parse("the chat template", Map.of(DEFAULT, source), Map.copyOf(specialTokens));
  }

  private static ChatTemplate parse(
      String where, Map<String, String> sources, Map<String, String> specialTokens) {
    Map<String, JinjaTemplate> templates = new TreeMap<>();
    sources.forEach(
        (name, source) -> {
          try {
            templates.put(name, JinjaTemplate.parse(source));
          } catch (JinjaException e) {
            throw new LoraException(
                "%s: chat template '%s' cannot be read: %s".formatted(where, name, e.getMessage()),
                e);
          }
        });
    return new ChatTemplate(where, templates, Optional.empty(), specialTokens);
  }

  /**
   * Names of the templates there are: {@code default}, often {@code tool_use}.
   *
   * @return the names, sorted
   */
  public Set<String> names() {
    return new TreeSet<>(templates.keySet());
  }

  /**
   * Always the template of this name. Without, it is {@code tool_use} if there is one and there are
   * tools, else {@code default}.
   *
   * @param template one of {@link #names()}
   * @return the same templates, this one chosen
   * @throws IllegalArgumentException if there is none of this name
   */
  public ChatTemplate named(String template) {
    if (!templates.containsKey(template)) {
      throw new IllegalArgumentException(
          "%s has no chat template '%s'; it has %s".formatted(where, template, names()));
    }
    return new ChatTemplate(where, templates, Optional.of(template), specialTokens);
  }

  /**
   * Writes a conversation.
   *
   * @param messages in order
   * @param options tools, variables, and whether the model's answer shall follow
   * @return the text, special tokens in it written out
   * @throws IllegalArgumentException if the template refuses the messages, in its own words, or a
   *     value is of a type that templates do not have
   * @throws LoraException if the template fails, or computes too much
   */
  public String render(List<ChatMessage> messages, ChatOptions options) {
    return rendering(messages, options).text();
  }

  /**
   * Writes a conversation as tokens. The template writes the first token of a text itself, so none
   * is added.
   *
   * @param messages in order
   * @param options tools, variables, and whether the model's answer shall follow
   * @param tokenizer of the model
   * @return the ids
   * @throws IllegalArgumentException as {@link #render} does
   * @throws LoraException as {@link #render} does
   */
  public int[] encode(List<ChatMessage> messages, ChatOptions options, Tokenizer tokenizer) {
    return tokenizer.encode(render(messages, options), false);
  }

  /** Whether the template itself says what a model generates. */
  boolean marksAnswers(ChatOptions options) {
    return chosen(options).marksBlocks();
  }

  JinjaTemplate.Rendering rendering(List<ChatMessage> messages, ChatOptions options) {
    Map<String, @Nullable Object> variables = new HashMap<>(specialTokens);
    variables.put("documents", null);
    variables.putAll(options.variables());
    variables.put("messages", messages.stream().map(ChatMessage::members).toList());
    variables.put("tools", options.tools().isEmpty() ? null : options.tools());
    variables.put("add_generation_prompt", options.generationPrompt());
    try {
      return chosen(options).render(variables, options.now().orElseGet(LocalDateTime::now));
    } catch (JinjaException e) {
      if (e.raised()) {
        throw new IllegalArgumentException(
            "%s: the chat template refuses the messages: %s".formatted(where, e.getMessage()), e);
      }
      throw new LoraException(
          "%s: the chat template cannot be rendered: %s".formatted(where, e.getMessage()), e);
    }
  }

  private JinjaTemplate chosen(ChatOptions options) {
    String tools =
        !options.tools().isEmpty() && templates.containsKey(TOOL_USE) ? TOOL_USE : DEFAULT;
    JinjaTemplate template = templates.get(name.orElse(tools));
    if (template == null) {
      throw new LoraException(
          "%s has no default chat template; choose one of %s by named()".formatted(where, names()));
    }
    return template;
  }
}
