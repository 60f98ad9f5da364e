package io.github.lora4j.djl.generate;

import io.github.lora4j.djl.TextStream;
import io.github.lora4j.djl.Tokenizer;
import io.github.lora4j.djl.layer.AdapterWeights;
import java.util.BitSet;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** One text being generated. */
final class Row {

  private final int[] prompt;
  private final Optional<AdapterWeights> adapter;
  private final GenerationOptions options;
  private final int eos;
  private final Sampler sampler;
  private final BitSet seen = new BitSet();
  private final TextStream stream;
  private final StopStrings stopStrings;
  private final Consumer<String> onText;
  private final StringBuilder text = new StringBuilder();
  private int added;
  private int last;
  private boolean done;
  private @Nullable Throwable failure;

  /**
   * A text to begin.
   *
   * @param prompt its tokens
   * @param adapter empty for the bare base; the caller holds it
   * @param tokenizer of the model
   * @param options how to choose and when to stop
   * @param seed decides what is drawn, in place of the options' seed
   * @param onText receives whole characters as they come
   */
  Row(
      int[] prompt,
      Optional<AdapterWeights> adapter,
      Tokenizer tokenizer,
      GenerationOptions options,
      long seed,
      Consumer<String> onText) {
    this.prompt = prompt;
    this.adapter = adapter;
    this.options = options;
    this.eos = tokenizer.eosId().orElse(-1);
    this.sampler = new Sampler(options, seed);
    this.stream = tokenizer.stream();
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

  /** Whether the best token is all that is wanted, so that no scores have to travel. */
  boolean onlyBest() {
    return options.greedy() && options.repetitionPenalty() == 1;
  }

  /** Tokens that the model has not seen yet: the prompt, later the token just chosen. */
  int[] input() {
    return added == 0 ? prompt : new int[] {last};
  }

  /** Tokens of the prompt. */
  int promptLength() {
    return prompt.length;
  }

  /** Tokens chosen so far. */
  int added() {
    return added;
  }

  /** Tokens that may yet be chosen. */
  int remaining() {
    return options.maxNewTokens() - added;
  }

  /** Whether the text has ended. */
  boolean done() {
    return done;
  }

  /** The new text. */
  String text() {
    return text.toString();
  }

  /** What ended the text too early, if anything did. */
  Optional<Throwable> failure() {
    return Optional.ofNullable(failure);
  }

  /**
   * Ends the text because something went wrong.
   *
   * @param cause of an ended text the first one counts
   */
  void fail(Throwable cause) {
    if (!done) {
      failure = cause;
      done = true;
    }
  }

  /** Ends the text as it is. */
  void end() {
    done = true;
  }

  /**
   * Chooses the next token.
   *
   * @param scores (V), overwritten
   */
  void accept(float[] scores) {
    accept(() -> sampler.next(scores, seen));
  }

  /**
   * Takes the best token where no more is wanted.
   *
   * @param best as {@link Sampler#best} found it
   */
  void accept(Sampler.Best best) {
    accept(best::token);
  }

  /**
   * Scores that are not finite and a reader who throws end this text and no other of its batch; who
   * asked for it is told. Exception, because callers in other languages throw checked ones.
   */
  private void accept(IntSupplier choice) {
    try {
      add(choice.getAsInt());
    } catch (Exception | Error e) {
      fail(e);
    }
  }

  private void add(int token) {
    last = token;
    seen.set(last);
    added++;
    if (last != eos) {
      show(stopStrings.add(stream.add(last)));
    }
    boolean ended = stopStrings.found();
    if (!ended && (last == eos || options.stopTokens().contains(last) || remaining() == 0)) {
      show(stopStrings.add(stream.finish()) + stopStrings.finish());
      ended = true;
    }
    done = ended;
  }

  private void show(String piece) {
    if (!piece.isEmpty()) {
      text.append(piece);
      onText.accept(piece);
    }
  }
}
