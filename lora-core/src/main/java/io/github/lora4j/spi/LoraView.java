package io.github.lora4j.spi;

import java.util.Map;

/**
 * A base with an adapter beside it, in one engine.
 *
 * @param <M> type of the model
 * @since 0.1.0
 */
public interface LoraView<M> extends AutoCloseable {

  /**
   * The model with the adapter applied, of the same type as the base.
   *
   * @return the view's model; closing it is not needed
   */
  M model();

  /**
   * Copies the adapter's tensors to the heap, in the order and under the names of {@link
   * AdapterLayout#values()}, those of {@link AdapterLayout#frozen()} after them.
   *
   * @return the current values, fp32
   */
  Map<String, TensorData> tensors();

  /**
   * Puts other tensors in the place of the adapter's, at one moment: a call on {@link #model()}
   * that has begun finishes on the old ones, every later one sees the new ones, and the old ones'
   * memory goes back when the last such call ends. A failure leaves the view as it was. Never
   * called for a view that can be trained.
   *
   * @param layout where the new pairs stand, other modules and ranks included, and what they
   *     contain; already checked against the base
   * @throws IllegalStateException if the view is closed
   * @throws UnsupportedOperationException if this engine cannot, as by default
   */
  default void replace(AdapterLayout layout) {
    throw new UnsupportedOperationException(
        "%s cannot take another adapter in place; load it as a view of its own"
            .formatted(getClass().getName()));
  }

  /**
   * Native memory that the adapter holds, replaced tensors that are still in use included.
   *
   * @return bytes, zero after closing
   */
  long nativeBytes();

  /**
   * Makes a bare model whose weights carry the adapter, independent of this view. What is not
   * adapted is shared with the base, whichever of the two is closed first.
   *
   * @return a new base
   * @throws io.github.lora4j.LoraException if a merged weight is NaN or infinite, naming where
   */
  M merge();

  /** Gives the adapter's native memory back; the base stays. Closing twice does nothing. */
  @Override
  void close();
}
