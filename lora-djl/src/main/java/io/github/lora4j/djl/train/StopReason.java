package io.github.lora4j.djl.train;

/**
 * Why a training ended.
 *
 * @since 0.1.0
 */
public enum StopReason {
  /** All steps were taken. */
  COMPLETED,
  /** The validation loss had not improved for as many evaluations as the patience allows. */
  EARLY_STOPPED,
  /** {@link LoraTrainer#stop()} was called or the thread interrupted. */
  STOPPED
}
