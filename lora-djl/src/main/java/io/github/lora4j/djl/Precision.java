package io.github.lora4j.djl;

import io.github.lora4j.djl.internal.ScalarType;

/**
 * How the matrices of a base are stored and computed with. One-dimensional parameters, adapters,
 * logits and the loss are fp32 whatever is chosen.
 *
 * @since 0.1.0
 */
public enum Precision {
  /** Single precision throughout: 4 bytes a weight. The reference. */
  FP32(ScalarType.FP32),
  /**
   * Half precision, 2 bytes a weight. On a CPU, where half-precision products are some hundred
   * times slower, it is a storage type only: the layers compute in fp32.
   */
  FP16(ScalarType.FP16),
  /** Brain floating point, 2 bytes a weight; the fast one on processors that have it. */
  BF16(ScalarType.BF16);

  private final ScalarType storage;

  Precision(ScalarType storage) {
    this.storage = storage;
  }

  ScalarType storage() {
    return storage;
  }

  ScalarType compute(boolean gpu) {
    return this == FP16 && !gpu ? ScalarType.FP32 : storage;
  }
}
