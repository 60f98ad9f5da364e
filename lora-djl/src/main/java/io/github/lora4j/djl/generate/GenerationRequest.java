package io.github.lora4j.djl.generate;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A prompt, and the adapter that shall answer it.
 *
 * @param prompt text to continue; empty where tokens are given
 * @param tokens ids to continue, as a chat template gives them; empty where a text is given, which
 *     the tokenizer then begins as it begins texts
 * @param adapter a view of the generator's base; empty for the generator's own model
 * @param seed decides what is drawn for this prompt, wherever it stands in a list; empty to derive
 *     it from the options
 * @since 0.1.0
 */
public record GenerationRequest(
    String prompt, List<Integer> tokens, Optional<PeftModel<CausalLm>> adapter, OptionalLong seed) {

  /**
   * Checks that nothing is missing.
   *
   * @throws IllegalArgumentException if there are both a text and tokens
   */
  public GenerationRequest {
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(adapter, "adapter");
    Objects.requireNonNull(seed, "seed");
    tokens = List.copyOf(tokens);
    if (!tokens.isEmpty() && !prompt.isEmpty()) {
      throw new IllegalArgumentException(
          "a prompt is a text or tokens, got '%s' and %d tokens".formatted(prompt, tokens.size()));
    }
  }

  /**
   * A request to the generator's own model: the bare base, or the view that it was made of.
   *
   * @param prompt text to continue
   * @return the request
   */
  public static GenerationRequest of(String prompt) {
    return new GenerationRequest(prompt, List.of(), Optional.empty(), OptionalLong.empty());
  }

  /**
   * A request to the generator's own model, in tokens: nothing is added to them.
   *
   * @param tokens ids to continue
   * @return the request
   * @throws IllegalArgumentException if there are none
   */
  public static GenerationRequest of(int[] tokens) {
    if (tokens.length == 0) {
      throw new IllegalArgumentException("the prompt has no tokens; give it at least one");
    }
    List<Integer> ids = Arrays.stream(tokens).boxed().toList();
    return new GenerationRequest("", ids, Optional.empty(), OptionalLong.empty());
  }

  /**
   * The same prompt under an adapter.
   *
   * @param view stands beside the base of the generator; it may be closed once generation has begun
   * @return a new request
   */
  public GenerationRequest adapter(PeftModel<CausalLm> view) {
    return new GenerationRequest(prompt, tokens, Optional.of(view), seed);
  }

  /**
   * The same request with a seed of its own: it gives the text that the prompt alone gives with
   * {@link GenerationOptions.Builder#seed(long)}.
   *
   * @param own any number
   * @return a new request
   */
  public GenerationRequest seed(long own) {
    return new GenerationRequest(prompt, tokens, adapter, OptionalLong.of(own));
  }
}
