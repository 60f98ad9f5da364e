package io.github.lora4j.testing;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.spi.TensorOps;

/** The tensor verbs in plain loops. */
public final class FloatOps implements TensorOps<TensorData> {

  @Override
  public TensorData of(TensorData data) {
    return new TensorData(data.shape(), data.values().clone());
  }

  @Override
  public TensorData data(TensorData tensor) {
    return of(tensor);
  }

  @Override
  public TensorData matMul(
      TensorData left, boolean transposeLeft, TensorData right, boolean transposeRight) {
    int m = size(left, transposeLeft ? 1 : 0);
    int k = size(left, transposeLeft ? 0 : 1);
    int n = size(right, transposeRight ? 0 : 1);
    if (size(right, transposeRight ? 1 : 0) != k) {
      throw new IllegalArgumentException("inner sizes of %s and %s".formatted(left, right));
    }
    float[] out = new float[m * n];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int l = 0; l < k; l++) {
          double a = left.values()[transposeLeft ? l * m + i : i * k + l];
          sum += a * right.values()[transposeRight ? j * k + l : l * n + j];
        }
        out[i * n + j] = (float) sum;
      }
    }
    return TensorData.matrix(m, n, out); // (m, n)
  }

  private static int size(TensorData matrix, int dimension) {
    return Math.toIntExact(matrix.shape().get(dimension));
  }

  @Override
  public TensorData addScaled(TensorData y, TensorData x, double scale) {
    if (!y.shape().equals(x.shape())) {
      throw new IllegalArgumentException("shapes of %s and %s".formatted(y, x));
    }
    float[] out = y.values().clone();
    for (int i = 0; i < out.length; i++) {
      out[i] += (float) (scale * x.values()[i]);
    }
    return new TensorData(y.shape(), out);
  }

  @Override
  public TensorData scale(TensorData x, double factor) {
    float[] out = x.values().clone();
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) (factor * out[i]);
    }
    return new TensorData(x.shape(), out);
  }

  /** {@code x + bias}, row by row: (N, C) and (C). */
  TensorData addRow(TensorData x, TensorData bias) {
    float[] out = x.values().clone();
    for (int i = 0; i < out.length; i++) {
      out[i] += bias.values()[i % bias.values().length];
    }
    return new TensorData(x.shape(), out);
  }

  /** Sums the rows of (N, C) to (C). */
  TensorData sumRows(TensorData x) {
    float[] out = new float[size(x, 1)];
    for (int i = 0; i < x.values().length; i++) {
      out[i % out.length] += x.values()[i];
    }
    return new TensorData(x.shape().subList(1, 2), out);
  }

  /** x where gate is positive, else zero. */
  TensorData gate(TensorData x, TensorData gate) {
    float[] out = x.values().clone();
    for (int i = 0; i < out.length; i++) {
      out[i] = gate.values()[i] > 0 ? out[i] : 0;
    }
    return new TensorData(x.shape(), out);
  }
}
