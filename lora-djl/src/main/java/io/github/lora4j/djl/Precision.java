package io.github.lora4j.djl;

import ai.djl.Device;
import io.github.lora4j.StepShape;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.layer.LossHead;
import io.github.lora4j.spi.EngineCosts;

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

  /**
   * Measured in a process with a heap of 256 MiB: virtual machine 80 MiB, libtorch 130 MiB, and
   * pages that the C library's heap keeps between the peaks.
   */
  private static final long CPU_RUNTIME_BYTES = 256L << 20;

  /** What the kernels convert of a matrix at a time. */
  private static final long CONVERTED_ELEMENTS = 8L << 20;

  /** CUDA's context and the blocks that libtorch's caching allocator rounds up to. */
  private static final long GPU_RUNTIME_BYTES = 768L << 20;

  private final ScalarType storage;

  Precision(ScalarType storage) {
    this.storage = storage;
  }

  /**
   * A training step in this precision on the CPU, every position labelled and every layer kept:
   * what {@code LoraPlan.stepMemory} predicts the memory of.
   *
   * @param sequences of one forward and backward pass
   * @param length tokens of each
   * @return its shape
   */
  public StepShape step(int sequences, int length) {
    long tokens = (long) sequences * length;
    return step(tokens, tokens, Device.cpu());
  }

  /**
   * A training step in this precision.
   *
   * @param tokens of one forward and backward pass
   * @param labels how many of them predict a label
   * @param device where it runs
   * @return its shape, every layer kept
   */
  public StepShape step(long tokens, long labels, Device device) {
    EngineCosts costs =
        new EngineCosts(
            LossHead.CHUNK,
            LossHead.BLOCK,
            CONVERTED_ELEMENTS,
            device.isGpu() ? GPU_RUNTIME_BYTES : CPU_RUNTIME_BYTES);
    return new StepShape(
        tokens,
        labels,
        storage.bytes(),
        compute(device.isGpu()).bytes(),
        StepShape.ALL_LAYERS,
        costs);
  }

  ScalarType storage() {
    return storage;
  }

  ScalarType compute(boolean gpu) {
    return this == FP16 && !gpu ? ScalarType.FP32 : storage;
  }
}
