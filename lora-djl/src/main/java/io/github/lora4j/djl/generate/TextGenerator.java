package io.github.lora4j.djl.generate;

import io.github.lora4j.djl.CausalLm;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * Continues prompts with a model: the bare base, or the view of an adapter.
 *
 * <pre>{@code
 * TextGenerator generator = TextGenerator.of(base);
 * String text = generator.generate("Once upon a time", GenerationOptions.builder().build());
 *
 * List<String> answers = generator.generate(List.of(     // one batch, an adapter per row
 *     GenerationRequest.of(question).adapter(qa),
 *     GenerationRequest.of(product).adapter(mail),
 *     GenerationRequest.of(prompt)), options);
 * }</pre>
 *
 * <p>A text does not depend on what else is in its batch, but for the rounding of the device, which
 * may decide between two tokens whose scores are equal to the last bits. Row i of a list draws from
 * the stream of {@code seed + i}: alone with that seed it gives the same text.
 *
 * <p>A generator holds no memory and any number of threads may use it, or other generators on the
 * same base, at once. A view that is closed or replaced while it generates finishes on the adapter
 * that it began with.
 *
 * @since 0.1.0
 */
public final class TextGenerator {

  private final CausalLm model;

  private TextGenerator(CausalLm model) {
    this.model = model;
  }

  /**
   * A generator.
   *
   * @param model a base, or {@code peft.model()}
   * @return usable as long as the model is open
   */
  public static TextGenerator of(CausalLm model) {
    return new TextGenerator(Objects.requireNonNull(model, "model"));
  }

  /**
   * Continues a prompt.
   *
   * @param prompt any text; an empty one begins with the tokenizer's first token of a text
   * @param options how to choose tokens and when to stop
   * @return the new text only
   * @throws IllegalArgumentException if the prompt has no tokens or an option does not fit the
   *     model
   * @throws IllegalStateException if the model's adapter is closed
   */
  public String generate(String prompt, GenerationOptions options) {
    return generate(prompt, options, piece -> {});
  }

  /**
   * Continues a prompt and shows the text as it grows.
   *
   * @param prompt any text; an empty one begins with the tokenizer's first token of a text
   * @param options how to choose tokens and when to stop
   * @param onText receives whole characters in order, never a part of a stop string; all pieces
   *     together are the returned text. What it throws ends the generation
   * @return the new text only
   * @throws IllegalArgumentException if the prompt has no tokens or an option does not fit the
   *     model
   * @throws IllegalStateException if the model's adapter is closed
   */
  public String generate(String prompt, GenerationOptions options, Consumer<String> onText) {
    return generate(GenerationRequest.of(prompt), options, onText);
  }

  /**
   * Continues a prompt and shows the text as it grows: the prompt of a conversation, or one under
   * an adapter of its own.
   *
   * @param request prompt and adapter
   * @param options how to choose tokens and when to stop
   * @param onText receives whole characters in order, never a part of a stop string; all pieces
   *     together are the returned text. What it throws ends the generation
   * @return the new text only
   * @throws IllegalArgumentException if the prompt has no tokens or an option does not fit the
   *     model, or the adapter stands beside another base
   * @throws IllegalStateException if the adapter is closed
   */
  public String generate(
      GenerationRequest request, GenerationOptions options, Consumer<String> onText) {
    Objects.requireNonNull(onText, "onText");
    return run(List.of(request), options, onText).get(0);
  }

  /**
   * Continues many prompts, each under its own adapter, {@link GenerationOptions#batchSize()} of
   * them at a time.
   *
   * @param requests prompts and adapters
   * @param options how to choose tokens and when to stop
   * @return the new texts in the order of the requests
   * @throws IllegalArgumentException if an adapter stands beside another base, a prompt has no
   *     tokens or an option does not fit the model, naming all such requests
   * @throws IllegalStateException if an adapter is closed, naming all such requests
   */
  public List<String> generate(List<GenerationRequest> requests, GenerationOptions options) {
    return run(List.copyOf(requests), options, piece -> {});
  }

  private List<String> run(
      List<GenerationRequest> requests, GenerationOptions options, Consumer<String> onText) {
    try (HeldRows held = HeldRows.of(model, requests, options, onText)) {
      List<Row> grouped = RowBatch.grouped(held.rows());
      for (int start = 0; start < grouped.size(); start += options.batchSize()) {
        int end = Math.min(grouped.size(), start + options.batchSize());
        run(grouped.subList(start, end));
      }
      return held.rows().stream().map(Row::text).toList();
    }
  }

  private void run(List<Row> rows) {
    try (RowBatch batch = new RowBatch(model.decoder())) {
      batch.join(rows);
      while (batch.isRunning()) {
        rethrow(rows);
        batch.step();
      }
    }
    rethrow(rows);
  }

  private static void rethrow(List<Row> rows) {
    for (Row row : rows) {
      if (row.failure().isPresent()) {
        throw TextGenerator.<RuntimeException>asIs(row.failure().get());
      }
    }
  }

  /** A reader's exception leaves as it came, also a checked one of another language. */
  @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"}) // erased: nothing is converted
  private static <E extends Throwable> E asIs(Throwable cause) throws E {
    throw (E) cause;
  }
}
