package io.github.lora4j.djl.layer;

import java.util.Locale;

/** What a feed-forward layer bends its numbers with. */
public enum Activation {
  /** {@code z · sigmoid(z)}. */
  SILU,
  /** GELU in its tanh form: {@code gelu_new}, {@code gelu_pytorch_tanh}, BLOOM's own. */
  GELU_TANH,
  /** Exact GELU, by the error function. */
  GELU,
  /** {@code max(z, 0)}. */
  RELU;

  /** How kernels name it. */
  String kernel() {
    return name().toLowerCase(Locale.ROOT);
  }
}
