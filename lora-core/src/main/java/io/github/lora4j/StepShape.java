package io.github.lora4j;

import io.github.lora4j.spi.EngineCosts;
import java.util.Objects;

/**
 * What decides the memory of a training step besides the model and its adapter. An engine makes
 * one, e.g. {@code Precision.BF16.step(4, 512)}.
 *
 * @param tokens of one forward and backward pass
 * @param labels how many of them predict a label and reach the vocabulary
 * @param weightBytes bytes of a stored element of a matrix
 * @param computeBytes bytes of a number that layers compute with
 * @param keptLayers layers, counted from the last one down, that keep what their backward needs;
 *     the others keep their input. More than the model has means all
 * @param engine what the engine adds
 * @since 0.1.0
 */
public record StepShape(
    long tokens,
    long labels,
    int weightBytes,
    int computeBytes,
    int keptLayers,
    EngineCosts engine) {

  /** {@link #keptLayers} of a pass that recomputes nothing. */
  public static final int ALL_LAYERS = Integer.MAX_VALUE;

  /** Checks the numbers. */
  public StepShape {
    Objects.requireNonNull(engine, "engine");
    if (tokens < 1 || labels < 0 || labels > tokens) {
      throw new IllegalArgumentException(
          "a step has tokens, and at most as many labels; got %d tokens and %d labels"
              .formatted(tokens, labels));
    }
    if (weightBytes < 1 || computeBytes < 1 || keptLayers < 0) {
      throw new IllegalArgumentException(
          "weightBytes and computeBytes must be positive and keptLayers not negative, got %d, %d, %d"
              .formatted(weightBytes, computeBytes, keptLayers));
    }
  }

  /**
   * The same step with fewer labels.
   *
   * @param labels positions that predict one
   * @return another shape
   */
  public StepShape withLabels(long labels) {
    return new StepShape(tokens, labels, weightBytes, computeBytes, keptLayers, engine);
  }

  /**
   * The same step with so many layers kept.
   *
   * @param keptLayers from the last one down
   * @return another shape
   */
  public StepShape keeping(int keptLayers) {
    return new StepShape(tokens, labels, weightBytes, computeBytes, keptLayers, engine);
  }

  /**
   * The same step, every layer recomputed but the last, whose backward comes at once.
   *
   * @return another shape
   */
  public StepShape recomputed() {
    return keeping(1);
  }
}
