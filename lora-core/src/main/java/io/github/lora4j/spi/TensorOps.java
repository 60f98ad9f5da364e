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

  /**
   * Lengths of the rows of a matrix.
   *
   * @param x (m, n)
   * @return √Σx² of each row, (m)
   */
  default T rowNorms(T x) {
    TensorData matrix = data(x);
    int columns = Math.toIntExact(matrix.shape().get(1));
    float[] norms = new float[Math.toIntExact(matrix.shape().get(0))];
    for (int row = 0; row < norms.length; row++) {
      double sum = 0;
      for (int column = 0; column < columns; column++) {
        double value = matrix.values()[row * columns + column];
        sum += value * value;
      }
      norms[row] = (float) Math.sqrt(sum);
    }
    return of(new TensorData(matrix.shape().subList(0, 1), norms));
  }

  /**
   * Multiplies each column of a matrix by {@code numerator / denominator} of that column.
   *
   * @param x (m, n)
   * @param numerator (n)
   * @param denominator (n)
   * @return (m, n)
   */
  default T scaleColumns(T x, T numerator, T denominator) {
    TensorData matrix = data(x);
    float[] above = data(numerator).values();
    float[] below = data(denominator).values();
    float[] scaled = new float[matrix.values().length];
    for (int i = 0; i < scaled.length; i++) {
      int column = i % above.length;
      scaled[i] = matrix.values()[i] * (above[column] / below[column]);
    }
    return of(new TensorData(matrix.shape(), scaled));
  }

  /**
   * Multiplies each row of a matrix by {@code numerator / denominator} of that row.
   *
   * @param x (m, n)
   * @param numerator (m)
   * @param denominator (m)
   * @return (m, n)
   */
  default T scaleRows(T x, T numerator, T denominator) {
    TensorData matrix = data(x);
    float[] above = data(numerator).values();
    float[] below = data(denominator).values();
    int columns = matrix.values().length / above.length;
    float[] scaled = new float[matrix.values().length];
    for (int i = 0; i < scaled.length; i++) {
      int row = i / columns;
      scaled[i] = matrix.values()[i] * (above[row] / below[row]);
    }
    return of(new TensorData(matrix.shape(), scaled));
  }

  /**
   * Sums the products of two matrices over their rows, each sum divided.
   *
   * @param x (m, n)
   * @param y (m, n)
   * @param denominator (n)
   * @return Σ x·y of each column over the denominator, (n)
   */
  default T dividedColumnDots(T x, T y, T denominator) {
    float[] left = data(x).values();
    float[] right = data(y).values();
    TensorData below = data(denominator);
    int columns = below.values().length;
    double[] sums = new double[columns];
    for (int i = 0; i < left.length; i++) {
      sums[i % columns] += (double) left[i] * right[i];
    }
    float[] quotients = new float[columns];
    for (int column = 0; column < columns; column++) {
      quotients[column] = (float) (sums[column] / below.values()[column]);
    }
    return of(new TensorData(below.shape(), quotients));
  }
}
