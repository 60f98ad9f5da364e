package io.github.lora4j.djl.generate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How to choose tokens and when to stop. Settings mean what they mean in transformers and are
 * applied in its order: repetition penalty, temperature, top-k, top-p. The tokenizer's token for
 * the end of a text always stops.
 *
 * @param maxNewTokens most tokens to add to a prompt
 * @param temperature scores are divided by it before a token is drawn; 0 takes the best token
 *     (greedy), whatever top-k and top-p say
 * @param topK how many of the best tokens may be drawn; 0 for all
 * @param topP the smallest set of best tokens with at least this probability may be drawn; 1 for
 *     all
 * @param repetitionPenalty divides positive and multiplies negative scores of tokens that stand in
 *     the prompt or were generated; 1 for none
 * @param seed decides what is drawn; row i of a list of requests draws from the stream of {@code
 *     seed + i}
 * @param stopTokens ids that end a text; the text keeps them, as in transformers
 * @param stopStrings strings that end a text; the text ends before them
 * @param batchSize most rows that run at once; bounds memory and changes no text
 * @since 0.1.0
 */
public record GenerationOptions(
    int maxNewTokens,
    double temperature,
    int topK,
    double topP,
    double repetitionPenalty,
    long seed,
    List<Integer> stopTokens,
    List<String> stopStrings,
    int batchSize) {

  /**
   * Checks the options.
   *
   * @throws IllegalArgumentException listing all problems
   */
  public GenerationOptions {
    stopTokens = List.copyOf(stopTokens);
    stopStrings = List.copyOf(stopStrings);
    List<String> problems = new ArrayList<>();
    if (maxNewTokens <= 0) {
      problems.add("max new tokens must be positive, got " + maxNewTokens);
    }
    if (!(temperature >= 0) || Double.isInfinite(temperature)) {
      problems.add("temperature must be 0 (greedy) or positive, got " + temperature);
    }
    if (topK < 0) {
      problems.add("top-k must be 0 (off) or positive, got " + topK);
    }
    if (!(topP > 0 && topP <= 1)) {
      problems.add("top-p must be in (0, 1], got " + topP);
    }
    if (!(repetitionPenalty > 0) || Double.isInfinite(repetitionPenalty)) {
      problems.add("repetition penalty must be positive, got " + repetitionPenalty);
    }
    for (int token : stopTokens) {
      if (token < 0) {
        problems.add("stop tokens count from 0, got " + token);
      }
    }
    if (stopStrings.contains("")) {
      problems.add("stop strings must not be empty, got " + stopStrings);
    }
    if (batchSize <= 0) {
      problems.add("batch size must be positive, got " + batchSize);
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("; ", problems));
    }
  }

  /**
   * Starts from greedy, 20 new tokens.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  boolean greedy() {
    return temperature == 0;
  }

  /** Collects options. */
  public static final class Builder {
    private int maxNewTokens = 20;
    private double temperature;
    private int topK;
    private double topP = 1;
    private double repetitionPenalty = 1;
    private long seed = 42;
    private List<Integer> stopTokens = List.of();
    private List<String> stopStrings = List.of();
    private int batchSize = 16;

    private Builder() {}

    /**
     * Sets the most tokens to add; 20 if not called.
     *
     * @param tokens a positive number
     * @return this
     */
    public Builder maxNewTokens(int tokens) {
      this.maxNewTokens = tokens;
      return this;
    }

    /**
     * Sets the temperature; 0, greedy, if not called.
     *
     * @param temperature 0 or a positive number
     * @return this
     */
    public Builder temperature(double temperature) {
      this.temperature = temperature;
      return this;
    }

    /**
     * Sets how many of the best tokens may be drawn; all if not called.
     *
     * @param tokens 0 for all
     * @return this
     */
    public Builder topK(int tokens) {
      this.topK = tokens;
      return this;
    }

    /**
     * Sets the probability of the set to draw from; 1, all, if not called.
     *
     * @param probability more than 0, at most 1
     * @return this
     */
    public Builder topP(double probability) {
      this.topP = probability;
      return this;
    }

    /**
     * Sets the penalty of tokens that were there before; 1, none, if not called.
     *
     * @param penalty a positive number; more than 1 discourages repetition
     * @return this
     */
    public Builder repetitionPenalty(double penalty) {
      this.repetitionPenalty = penalty;
      return this;
    }

    /**
     * Sets the seed; 42 if not called.
     *
     * @param seed any number
     * @return this
     */
    public Builder seed(long seed) {
      this.seed = seed;
      return this;
    }

    /**
     * Sets tokens that end a text besides the tokenizer's own; none if not called.
     *
     * @param ids token ids
     * @return this
     */
    public Builder stopTokens(int... ids) {
      this.stopTokens = Arrays.stream(ids).boxed().toList();
      return this;
    }

    /**
     * Sets strings that end a text; none if not called.
     *
     * @param strings none empty
     * @return this
     */
    public Builder stopStrings(String... strings) {
      this.stopStrings = List.of(strings);
      return this;
    }

    /**
     * Sets the most rows that run at once; 16 if not called.
     *
     * @param rows a positive number
     * @return this
     */
    public Builder batchSize(int rows) {
      this.batchSize = rows;
      return this;
    }

    /**
     * Checks the options.
     *
     * @return the options
     * @throws IllegalArgumentException listing all problems
     */
    public GenerationOptions build() {
      return new GenerationOptions(
          maxNewTokens,
          temperature,
          topK,
          topP,
          repetitionPenalty,
          seed,
          stopTokens,
          stopStrings,
          batchSize);
    }
  }
}
