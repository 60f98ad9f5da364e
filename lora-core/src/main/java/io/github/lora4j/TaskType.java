package io.github.lora4j;

import java.util.Set;

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
  FEATURE_EXTRACTION;

  /** Names of the heads that PEFT trains whole for this task, and hence never adapts. */
  Set<String> heads() {
    return switch (this) {
      case SEQ_CLS, TOKEN_CLS -> Set.of("classifier", "score");
      case QUESTION_ANS -> Set.of("qa_outputs");
      case SEQ_2_SEQ_LM, CAUSAL_LM, FEATURE_EXTRACTION -> Set.of();
    };
  }
}
