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
   * Native memory that the adapter holds.
   *
   * @return bytes, zero after closing
   */
  long nativeBytes();

  /** Gives the adapter's native memory back; the base stays. Closing twice does nothing. */
  @Override
  void close();
}
