package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/** The map onto the vocabulary as the rows of one adapter see it: {@code z = x Wᵀ + bias}. */
final class WordMap {

  private static final NDArray[] NONE = {};

  private final FrozenMatrix weight;
  private final @Nullable NDArray bias;

  /**
   * A map.
   *
   * @param weight W, (V, D)
   * @param bias (V) in fp32, null for none
   */
  WordMap(FrozenMatrix weight, @Nullable NDArray bias) {
    this.weight = weight;
    this.bias = bias;
  }

  FrozenMatrix weight() {
    return weight;
  }

  boolean hasBias() {
    return bias != null;
  }

  /** The form of a kernel's argument: the bias, or nothing. */
  NDArray[] biases() {
    return bias == null ? NONE : new NDArray[] {bias};
  }

  /** Logits in fp32, (N, V). */
  NDArray logits(NDArray x, Pass pass) {
    return weight.call(pass, "head_logits", x, (Object) biases())[0];
  }

  /** The map that an adapter sees: what it brings stands in the place of what the base has. */
  WordMap replacedBy(@Nullable NDArray ownWeight, @Nullable NDArray ownBias) {
    return ownWeight == null && ownBias == null
        ? this
        : new WordMap(
            ownWeight == null ? weight : weight.replacedBy(ownWeight),
            ownBias == null ? bias : ownBias);
  }
}
