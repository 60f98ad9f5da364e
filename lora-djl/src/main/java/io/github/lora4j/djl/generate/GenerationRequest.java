package io.github.lora4j.djl.generate;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A prompt, and the adapter that shall answer it.
 *
 * @param prompt text to continue
 * @param adapter a view of the generator's base; empty for the generator's own model
 * @param seed decides what is drawn for this prompt, wherever it stands in a list; empty to derive
 *     it from the options
 * @since 0.1.0
 */
public record GenerationRequest(
    String prompt, Optional<PeftModel<CausalLm>> adapter, OptionalLong seed) {

  /** Checks that nothing is missing. */
  public GenerationRequest {
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(adapter, "adapter");
    Objects.requireNonNull(seed, "seed");
  }

  /**
   * A request to the generator's own model: the bare base, or the view that it was made of.
   *
   * @param prompt text to continue
   * @return the request
   */
  public static GenerationRequest of(String prompt) {
    return new GenerationRequest(prompt, Optional.empty(), OptionalLong.empty());
  }

  /**
   * The same prompt under an adapter.
   *
   * @param view stands beside the base of the generator; it may be closed once generation has begun
   * @return a new request
   */
  public GenerationRequest adapter(PeftModel<CausalLm> view) {
    return new GenerationRequest(prompt, Optional.of(view), seed);
  }

  /**
   * The same request with a seed of its own: it gives the text that the prompt alone gives with
   * {@link GenerationOptions.Builder#seed(long)}.
   *
   * @param own any number
   * @return a new request
   */
  public GenerationRequest seed(long own) {
    return new GenerationRequest(prompt, adapter, OptionalLong.of(own));
  }
}
