package io.github.lora4j.djl.generate;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.Tokenizer;
import io.github.lora4j.djl.layer.AdapterWeights;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
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
    Objects.requireNonNull(onText, "onText");
    return run(List.of(GenerationRequest.of(prompt)), options, onText).get(0);
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
    List<CausalLm> models =
        requests.stream().map(r -> r.adapter().map(PeftModel::model).orElse(model)).toList();
    List<int[]> prompts =
        requests.stream().map(request -> encode(request.prompt(), model.tokenizer())).toList();
    check(models, prompts, options);
    List<Row> rows = new ArrayList<>();
    try (HeldAdapters held = new HeldAdapters(models)) {
      for (int i = 0; i < requests.size(); i++) {
        Optional<AdapterWeights> adapter = held.of(models.get(i));
        rows.add(new Row(i, prompts.get(i), adapter, model.tokenizer(), options, onText));
      }
      List<Row> grouped = grouped(rows);
      for (int start = 0; start < grouped.size(); start += options.batchSize()) {
        int end = Math.min(grouped.size(), start + options.batchSize());
        new RowBatch(model.decoder(), grouped.subList(start, end), options).run();
      }
    }
    return rows.stream().map(Row::text).toList();
  }

  private static int[] encode(String prompt, Tokenizer tokenizer) {
    OptionalInt first = prompt.isEmpty() ? tokenizer.bosId() : OptionalInt.empty();
    return first.isPresent() ? new int[] {first.getAsInt()} : tokenizer.encode(prompt);
  }

  private void check(List<CausalLm> models, List<int[]> prompts, GenerationOptions options) {
    List<String> problems = new ArrayList<>();
    for (int i = 0; i < models.size(); i++) {
      if (models.get(i).decoder() != model.decoder()) {
        problems.add(
            "request %d: its adapter stands beside another base than the generator's; load it beside that one"
                .formatted(i));
      }
      if (prompts.get(i).length == 0) {
        problems.add("request %d: the prompt has no tokens; give it a text".formatted(i));
      }
    }
    int vocabulary = models.stream().mapToInt(CausalLm::vocabulary).max().orElse(0);
    for (int token : options.stopTokens()) {
      if (token >= vocabulary) {
        problems.add(
            "stop token %d: the vocabulary has ids 0 to %d".formatted(token, vocabulary - 1));
      }
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("; ", problems));
    }
    if (models.stream().allMatch(each -> each.vocabulary() == vocabulary)) {
      model.checkIds(prompts.toArray(int[][]::new));
      return;
    }
    for (int i = 0; i < models.size(); i++) {
      models.get(i).checkIds(prompts.get(i));
    }
  }

  /**
   * Rows of one adapter next to each other, so that each layer adds few low-rank updates, and
   * prompts of like length together, so that a cache has little to spare.
   */
  private static List<Row> grouped(List<Row> rows) {
    Map<Optional<AdapterWeights>, Integer> order = new HashMap<>();
    rows.forEach(row -> order.putIfAbsent(row.adapter(), order.size()));
    return rows.stream()
        .sorted(
            Comparator.comparing((Row row) -> Objects.requireNonNull(order.get(row.adapter())))
                .thenComparing(Row::promptLength))
        .toList();
  }
}
