package io.github.lora4j.djl;

import ai.djl.Device;
import io.github.lora4j.StepShape;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.layer.LossHead;
import io.github.lora4j.spi.EngineCosts;
import java.util.Arrays;

/**
 * How the matrices of a base are stored and computed with. One-dimensional parameters, adapters,
 * logits and the loss are fp32 whatever is chosen.
 *
 * <table>
 *   <caption>Storage and arithmetic</caption>
 *   <tr><th></th><th>bytes a weight</th><th>layers compute in</th></tr>
 *   <tr><td>{@link #FP32}</td><td>4</td><td>fp32</td></tr>
 *   <tr><td>{@link #FP16}</td><td>2</td><td>fp16 on a GPU, fp32 on a CPU</td></tr>
 *   <tr><td>{@link #BF16}</td><td>2</td><td>bf16</td></tr>
 *   <tr><td>{@link #INT8}</td><td>1</td><td>what {@link #AUTO} would choose</td></tr>
 *   <tr><td>{@link #AUTO}</td><td></td><td>GPU: bf16 from compute capability 8.0 on, else fp16;
 *       CPU: bf16 if its products are at least 1.5 times as fast as those of fp32, else fp32</td>
 *       </tr>
 * </table>
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
  BF16(ScalarType.BF16),
  /**
   * Whole numbers from -127 to 127 with a scale for each row of a matrix, a little over 1 byte a
   * weight: rounded when the checkpoint is loaded, whatever it is stored in. Scores differ from
   * those of the full weights by about one in a hundred. Adapters can be trained through it; their
   * gradients are exactly those of the rounded weights.
   */
  INT8(ScalarType.INT8),
  /**
   * The fastest floating type of the device, resolved on loading: {@link CausalLm#precision()} says
   * which. On a CPU this measures for some tens of milliseconds, once per process.
   */
  AUTO(ScalarType.FP32);

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
        resolve(device).storage.bytes(),
        compute(device).bytes(),
        StepShape.ALL_LAYERS,
        costs);
  }

  static Precision of(ScalarType storage) {
    return Arrays.stream(values())
        .filter(precision -> precision != AUTO && precision.storage == storage)
        .findFirst()
        .orElseThrow();
  }

  /** What is stored: this, unless the device decides. */
  Precision resolve(Device device) {
    if (this != AUTO) {
      return this;
    }
    return of(FastType.of(device).type());
  }

  /** Whether the device decides what layers compute in. */
  boolean asksDevice() {
    return this == AUTO || this == INT8;
  }

  ScalarType storage() {
    return storage;
  }

  ScalarType compute(Device device) {
    return switch (this) {
      case FP16 -> device.isGpu() ? ScalarType.FP16 : ScalarType.FP32;
      case INT8, AUTO -> FastType.of(device).type();
      default -> storage;
    };
  }
}
