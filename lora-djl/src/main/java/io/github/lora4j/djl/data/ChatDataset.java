package io.github.lora4j.djl.data;

import io.github.lora4j.djl.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.IntFunction;

/**
 * Conversations to learn from, for a model with a chat template.
 *
 * @param examples in the order of the file
 * @since 0.1.0
 */
public record ChatDataset(List<ChatExample> examples) {

  /** Copies the list. */
  public ChatDataset {
    examples = List.copyOf(examples);
  }

  /**
   * Reads a file of conversations: JSON objects with {@code messages}, a list of objects with
   * {@code role} and {@code content}; {@code conversations} with {@code from} and {@code value}, as
   * ShareGPT writes them, are the same ({@code human} is the role {@code user}, {@code gpt} is
   * {@code assistant}). Other members of a message, as {@code tool_calls}, go to the chat template;
   * null and empty ones are left out. Other members of a record are ignored but for {@code tools},
   * a list of the functions that could be called.
   *
   * @param file ends in {@code .json}, an array of such objects or an object a line; or in {@code
   *     .jsonl} or {@code .ndjson}, an object a line, empty lines are skipped
   * @return the conversations
   * @throws IOException if the file is missing or cannot be read
   * @throws io.github.lora4j.LoraException if the file is laid out otherwise, with the line
   * @throws IllegalArgumentException if the name ends otherwise
   */
  public static ChatDataset read(Path file) throws IOException {
    return ChatReader.read(List.of(file));
  }

  /**
   * Reads files of conversations as if they were one, each as {@link #read(Path)} does.
   *
   * @param files the files
   * @return the conversations in their order
   * @throws IOException if a file is missing or cannot be read
   * @throws io.github.lora4j.LoraException if a file is laid out otherwise, with the line
   * @throws IllegalArgumentException if a name ends otherwise
   */
  public static ChatDataset read(List<Path> files) throws IOException {
    return ChatReader.read(files);
  }

  /**
   * Number of conversations.
   *
   * @return the count
   */
  public int size() {
    return examples.size();
  }

  /**
   * The first conversations.
   *
   * @param count how many at most
   * @return a smaller dataset
   */
  public ChatDataset limit(int count) {
    return new ChatDataset(examples.subList(0, Math.min(count, examples.size())));
  }

  /**
   * The conversations in another order.
   *
   * @param seed decides the order
   * @return a dataset of the same conversations
   */
  public ChatDataset shuffle(long seed) {
    List<ChatExample> shuffled = new ArrayList<>(examples);
    Collections.shuffle(shuffled, new Random(seed));
    return new ChatDataset(shuffled);
  }

  /**
   * Tokenises every conversation; what the assistant says is learned, and nothing is cut.
   *
   * @param template of the model to be trained
   * @param tokenizer of the model to be trained
   * @return the dataset for a trainer
   * @throws IllegalArgumentException if the template refuses the messages
   * @throws io.github.lora4j.LoraException as {@link #toTraining(ChatTemplate, Tokenizer, Labels,
   *     Truncation, ChatOptions)} does
   */
  public TrainingDataset toTraining(ChatTemplate template, Tokenizer tokenizer) {
    return toTraining(
        template, tokenizer, Labels.ANSWER_ONLY, Truncation.none(), ChatOptions.plain());
  }

  /**
   * Tokenises every conversation. Of {@link Labels#ANSWER_ONLY} the labels are what the template
   * marks by {@code generation} blocks; where it has none, each message of the role {@code
   * assistant} from where a model would begin it up to and with the token that ends the turn. Such
   * a template must write a conversation's beginning as it writes the whole.
   *
   * @param template of the model to be trained
   * @param tokenizer of the model to be trained
   * @param labels which positions count
   * @param truncation what to do with long conversations
   * @param options variables of the template; and tools, for conversations that bring none
   * @return the dataset for a trainer
   * @throws IllegalArgumentException if the template refuses the messages
   * @throws io.github.lora4j.LoraException if a conversation has nothing to learn from, or the
   *     template writes an answer in another way when the conversation goes on
   */
  public TrainingDataset toTraining(
      ChatTemplate template,
      Tokenizer tokenizer,
      Labels labels,
      Truncation truncation,
      ChatOptions options) {
    ChatEncoder encoder = new ChatEncoder(template, tokenizer, labels, options);
    IntFunction<String> names = i -> "conversation " + i;
    return TruncatedExamples.of(
        examples.size(), i -> encoder.encode(examples.get(i), names.apply(i)), names, truncation);
  }
}
