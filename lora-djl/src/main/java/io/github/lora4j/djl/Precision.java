package io.github.lora4j.djl;

import ai.djl.Device;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.Arrays;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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

  private static final Logger LOG = LoggerFactory.getLogger(Precision.class);

  private final ScalarType storage;

  Precision(ScalarType storage) {
    this.storage = storage;
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
    return of(fastest(device));
  }

  private ScalarType fastest(Device device) {
    FastType fast = FastType.of(device);
    LOG.info("precision {} computes in {} on {}: {}", this, fast.type(), device, fast.reason());
    return fast.type();
  }

  ScalarType storage() {
    return storage;
  }

  ScalarType compute(Device device) {
    return switch (this) {
      case FP16 -> device.isGpu() ? ScalarType.FP16 : ScalarType.FP32;
      case INT8 -> fastest(device);
      default -> storage;
    };
  }
}
