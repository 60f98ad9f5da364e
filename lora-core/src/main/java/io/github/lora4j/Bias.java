package io.github.lora4j;

import java.util.Locale;

/**
 * Which biases of the base are trained along with the pairs. The adapter owns copies; the base
 * keeps its own.
 *
 * @since 0.1.0
 */
public enum Bias {
  /** None. */
  NONE,
  /** Every bias of the model, those of norms included. */
  ALL,
  /** The biases of the adapted modules. */
  LORA_ONLY;

  String json() {
    return name().toLowerCase(Locale.ROOT);
  }
}
