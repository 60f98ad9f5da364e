package io.github.lora4j;

/**
 * What an adapter is trained for, by PEFT's names.
 *
 * @since 0.1.0
 */
public enum TaskType {
  /** Sequence classification. */
  SEQ_CLS,
  /** Encoder-decoder language modelling. */
  SEQ_2_SEQ_LM,
  /** Causal language modelling. */
  CAUSAL_LM,
  /** Token classification. */
  TOKEN_CLS,
  /** Extractive question answering. */
  QUESTION_ANS,
  /** Hidden states as features. */
  FEATURE_EXTRACTION
}
