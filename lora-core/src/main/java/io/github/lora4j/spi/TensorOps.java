package io.github.lora4j.spi;

/**
 * The handful of tensor verbs in which the core writes the LoRA equation. Results are new tensors;
 * arguments stay as they are.
 *
 * @param <T> the engine's tensor
 * @since 0.1.0
 */
public interface TensorOps<T> {

  /**
   * Copies values into a tensor of the engine.
   *
   * @param data fp32 values
   * @return a tensor of the same shape
   */
  T of(TensorData data);

  /**
   * Copies a tensor to the heap.
   *
   * @param tensor a tensor of the engine
   * @return its values in fp32
   */
  TensorData data(T tensor);

  /**
   * Matrix product of two matrices, either read transposed.
   *
   * @param left (m, k), or (k, m) if {@code transposeLeft}
   * @param transposeLeft whether to transpose the left one
   * @param right (k, n), or (n, k) if {@code transposeRight}
   * @param transposeRight whether to transpose the right one
   * @return (m, n)
   */
  T matMul(T left, boolean transposeLeft, T right, boolean transposeRight);

  /**
   * {@code y + scale · x}.
   *
   * @param y any shape
   * @param x the same shape
   * @param scale factor
   * @return the sum, in the type of y
   */
  T addScaled(T y, T x, double scale);

  /**
   * {@code factor · x}.
   *
   * @param x any shape
   * @param factor factor
   * @return the product, in the type of x
   */
  T scale(T x, double factor);
}
