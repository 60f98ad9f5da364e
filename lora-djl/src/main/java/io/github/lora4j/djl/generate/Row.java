package io.github.lora4j.djl.generate;

import io.github.lora4j.djl.Tokenizer;
import io.github.lora4j.djl.layer.AdapterWeights;
import java.util.BitSet;
import java.util.Optional;
import java.util.function.Consumer;

/** One text being generated. */
final class Row {

  private final int[] prompt;
  private final Optional<AdapterWeights> adapter;
  private final GenerationOptions options;
  private final int eos;
  private final Sampler sampler;
  private final BitSet seen = new BitSet();
  private final Detokenizer detokenizer;
  private final StopStrings stopStrings;
  private final Consumer<String> onText;
  private final StringBuilder text = new StringBuilder();
  private int added;
  private int last;
  private boolean done;

  /**
   * A text to begin.
   *
   * @param index of the request
   * @param prompt its tokens
   * @param adapter empty for the bare base
   * @param tokenizer of the model
   * @param options how to choose and when to stop
   * @param onText receives whole characters as they come
   */
  Row(
      int index,
      int[] prompt,
      Optional<AdapterWeights> adapter,
      Tokenizer tokenizer,
      GenerationOptions options,
      Consumer<String> onText) {
    this.prompt = prompt;
    this.adapter = adapter;
    this.options = options;
    this.eos = tokenizer.eosId().orElse(-1);
    this.sampler = new Sampler(options, index);
    this.detokenizer = new Detokenizer(tokenizer);
    this.stopStrings = new StopStrings(options.stopStrings());
    this.onText = onText;
    for (int token : prompt) {
      seen.set(token);
    }
  }

  /** The adapter that this text is generated under. */
  Optional<AdapterWeights> adapter() {
    return adapter;
  }

  /** Tokens that the model has not seen yet: the prompt, later the token just chosen. */
  int[] input() {
    return added == 0 ? prompt : new int[] {last};
  }

  /** Tokens of the prompt. */
  int promptLength() {
    return prompt.length;
  }

  /** Whether the text has ended. */
  boolean done() {
    return done;
  }

  /** The new text. */
  String text() {
    return text.toString();
  }

  /**
   * Chooses the next token.
   *
   * @param scores (V), overwritten
   */
  void accept(float[] scores) {
    accept(sampler.next(scores, seen));
  }

  /**
   * Adds a token that was chosen elsewhere.
   *
   * @param token its id
   */
  void accept(int token) {
    last = token;
    seen.set(last);
    added++;
    if (last != eos) {
      show(stopStrings.add(detokenizer.add(last)));
    }
    done = stopStrings.found();
    if (!done
        && (last == eos
            || options.stopTokens().contains(last)
            || added == options.maxNewTokens())) {
      show(stopStrings.add(detokenizer.finish()) + stopStrings.finish());
      done = true;
    }
  }

  private void show(String piece) {
    if (!piece.isEmpty()) {
      text.append(piece);
      onText.accept(piece);
    }
  }
}
