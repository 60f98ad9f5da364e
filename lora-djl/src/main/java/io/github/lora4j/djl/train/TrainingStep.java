package io.github.lora4j.djl.train;

/**
 * What one optimiser step did. The values equal those that Hugging Face's Trainer logs for it.
 *
 * @param step from 1
 * @param epoch passes over the data when the step was done, e.g. 1.5
 * @param loss mean cross-entropy per label of the accumulated batch, nats, before the update
 * @param gradNorm Euclidean norm of all gradients together, before clipping; infinite if the step
 *     was {@link #skipped}
 * @param learningRate that the step was taken with; 0 for the first one of a warmup. A skipped step
 *     leaves its rate to the next
 * @param tokensPerSecond tokens of the accumulated batch, those of a shared passage counted for
 *     every example, by the time that its forward and backward passes and the update took
 * @param peakNativeBytes highest resident memory of the process so far, bytes, as Linux counts it:
 *     native memory, the pages of mapped weights that were touched, and the Java heap; device
 *     memory of a GPU is not in it. -1 on systems without {@code /proc/self/status}
 * @since 0.1.0
 */
public record TrainingStep(
    int step,
    double epoch,
    double loss,
    double gradNorm,
    double learningRate,
    double tokensPerSecond,
    long peakNativeBytes) {

  /** The norm of gradients that are not finite. */
  static final double SKIPPED = Double.POSITIVE_INFINITY;

  /**
   * Whether the step changed nothing, because its gradients overflowed. That happens where layers
   * compute in fp16, whose loss is scaled, now and then and most in the beginning: the scale is
   * halved then. With every other precision such gradients end the training.
   *
   * @return true if adapter, optimiser and schedule are as before the step
   */
  public boolean skipped() {
    return gradNorm == SKIPPED;
  }
}
