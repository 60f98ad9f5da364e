package io.github.lora4j;

import java.util.Locale;

/**
 * Predicted peak of a training step: what the process holds resident, mapped weights included.
 * {@link LoraPlan#stepMemory} has the formula.
 *
 * @param weights of the base, bytes
 * @param adapter values, gradients and the optimiser's buffers, bytes
 * @param kept what layers keep for their backward, bytes
 * @param block working set of one layer's backward, with what it makes again, bytes
 * @param head working set of loss and gradient at the vocabulary, bytes
 * @param runtime virtual machine and engine, bytes
 * @since 0.1.0
 */
public record StepMemory(
    long weights, long adapter, long kept, long block, long head, long runtime) {

  private static final double GIGABYTE = 1e9;

  /**
   * The peak. Layers and head do not run at the same time, so the larger of the two counts.
   *
   * @return bytes
   */
  public long total() {
    return weights + adapter + kept + Math.max(block, head) + runtime;
  }

  /**
   * The parts in gigabytes.
   *
   * @return e.g. {@code 1.63 GB: weights 1.12, adapter 0.02, kept 0.14, working set 0.12, runtime
   *     0.23}
   */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%.2f GB: weights %.2f, adapter %.2f, kept %.2f, working set %.2f, runtime %.2f",
        total() / GIGABYTE,
        weights / GIGABYTE,
        adapter / GIGABYTE,
        kept / GIGABYTE,
        Math.max(block, head) / GIGABYTE,
        runtime / GIGABYTE);
  }
}
