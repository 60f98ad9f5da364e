package io.github.lora4j.djl.data;

/**
 * Which positions of a prompt count in the loss.
 *
 * @since 0.1.0
 */
public enum Labels {
  /** All tokens, prompt and answer: what the causal-LM collator of Hugging Face does. */
  ALL_TOKENS,
  /** The answer and what ends it. */
  ANSWER_ONLY
}
