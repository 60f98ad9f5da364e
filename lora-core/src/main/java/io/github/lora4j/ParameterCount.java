package io.github.lora4j;

import java.util.Locale;

/**
 * How much of a model is trained.
 *
 * @param trainable elements of the adapter
 * @param all elements of base and adapter, tied ones once
 * @since 0.1.0
 */
public record ParameterCount(long trainable, long all) {

  /**
   * Share of the trained elements.
   *
   * @return 0 to 100
   */
  public double trainablePercent() {
    return 100.0 * trainable / all;
  }

  /**
   * PEFT's sentence.
   *
   * @return e.g. {@code trainable params: 2,457,600 || all params: 3,005,015,040 || trainable%:
   *     0.0818}
   */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "trainable params: %,d || all params: %,d || trainable%%: %.4f",
        trainable,
        all,
        trainablePercent());
  }
}
