package io.github.lora4j.djl.train;

/**
 * Whether layers are computed again in the backward pass instead of being kept. Losses and
 * gradients are the same to the bit; only time and memory differ.
 *
 * @since 0.1.0
 */
public enum Recompute {
  /** All layers but the last keep their input only: about a quarter more time, least memory. */
  ON,
  /** All layers keep what their backward needs: least time. */
  OFF,
  /**
   * As many layers are kept as fit, decided for each pass from its tokens: within {@code
   * LoadOptions.memoryBudget}, or else within what the machine has free when the training begins.
   * On the CPU of Linux that is the available memory and the container's limit, on a GPU its own
   * free memory; where the system does not tell, all layers are kept.
   */
  AUTO
}
