package io.github.lora4j.djl.generate;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.Tokenizer;
import io.github.lora4j.djl.layer.HeldAdapters;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Consumer;

/** Requests that were found good, as rows to generate; their adapters stay until this is closed. */
final class HeldRows implements AutoCloseable {

  private final HeldAdapters held;
  private final List<Row> rows;

  private HeldRows(HeldAdapters held, List<Row> rows) {
    this.held = held;
    this.rows = rows;
  }

  /**
   * Checks requests and takes their adapters.
   *
   * @param model the generator's own
   * @param requests prompts and adapters
   * @param options how to choose tokens and when to stop
   * @param onText receives the text of each row as it grows
   * @return one row a request, in order
   * @throws IllegalArgumentException naming every request that cannot be answered
   * @throws IllegalStateException naming every request whose adapter is closed
   */
  static HeldRows of(
      CausalLm model,
      List<GenerationRequest> requests,
      GenerationOptions options,
      Consumer<String> onText) {
    Tokenizer tokenizer = model.tokenizer();
    List<CausalLm> models =
        requests.stream().map(r -> r.adapter().map(PeftModel::model).orElse(model)).toList();
    List<int[]> prompts = requests.stream().map(request -> encode(request, tokenizer)).toList();
    check(model, models, prompts, options);
    HeldAdapters held =
        new HeldAdapters(models.stream().map(CausalLm::adapterSlot).toList(), "request");
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      long seed = requests.get(i).seed().orElse(options.seed() + i);
      rows.add(new Row(prompts.get(i), held.of(i), tokenizer, options, seed, onText));
    }
    return new HeldRows(held, rows);
  }

  private static int[] encode(GenerationRequest request, Tokenizer tokenizer) {
    if (!request.tokens().isEmpty()) {
      return request.tokens().stream().mapToInt(Integer::intValue).toArray();
    }
    String prompt = request.prompt();
    OptionalInt first = prompt.isEmpty() ? tokenizer.bosId() : OptionalInt.empty();
    return first.isPresent() ? new int[] {first.getAsInt()} : tokenizer.encode(prompt);
  }

  private static void check(
      CausalLm model, List<CausalLm> models, List<int[]> prompts, GenerationOptions options) {
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
    CausalLm.checkIds(models, prompts.toArray(int[][]::new));
  }

  /** The rows, in the order of the requests. */
  List<Row> rows() {
    return rows;
  }

  @Override
  public void close() {
    held.close();
  }
}
