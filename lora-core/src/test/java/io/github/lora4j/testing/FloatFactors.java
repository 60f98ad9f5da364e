package io.github.lora4j.testing;

import io.github.lora4j.spi.MatrixFactors;
import io.github.lora4j.spi.TensorData;

/** Decompositions in plain loops, for small matrices. */
final class FloatFactors {

  private static final int SWEEPS = 60;

  private FloatFactors() {}

  /**
   * Power iteration, one singular value after the other, each taken off before the next; the rounds
   * are many because the values may lie close together.
   */
  static MatrixFactors singular(TensorData matrix, int rank) {
    double[][] rest = rows(matrix);
    double[][] left = new double[rank][];
    double[][] right = new double[rank][];
    for (int r = 0; r < rank; r++) {
      double[] v = new double[rest[0].length];
      for (int i = 0; i < v.length; i++) {
        v[i] = 1.0 / (i + r + 1);
      }
      double[] u = new double[rest.length];
      double length = 0;
      for (int sweep = 0; sweep < SWEEPS * SWEEPS; sweep++) {
        u = times(rest, v);
        unit(u);
        v = timesTransposed(rest, u);
        length = unit(v);
      }
      left[r] = scaled(u, Math.sqrt(length));
      right[r] = scaled(v, Math.sqrt(length));
      subtract(rest, left[r], right[r]);
    }
    return factors(left, right);
  }

  /** Gram and Schmidt's orthogonalisation of the first columns: Q, and QᵀW. */
  static MatrixFactors triangular(TensorData matrix, int rank) {
    double[][] rest = rows(matrix);
    double[][] left = new double[rank][];
    double[][] right = new double[rank][];
    for (int r = 0; r < rank; r++) {
      double[] q = new double[rest.length];
      for (int i = 0; i < q.length; i++) {
        q[i] = rest[i][r];
      }
      unit(q);
      left[r] = q;
      right[r] = timesTransposed(rest, q);
      subtract(rest, left[r], right[r]);
    }
    return factors(left, right);
  }

  private static MatrixFactors factors(double[][] left, double[][] right) {
    int rank = left.length;
    float[] columns = new float[left[0].length * rank];
    float[] rows = new float[right[0].length * rank];
    for (int r = 0; r < rank; r++) {
      for (int i = 0; i < left[r].length; i++) {
        columns[i * rank + r] = (float) left[r][i];
      }
      for (int i = 0; i < right[r].length; i++) {
        rows[r * right[r].length + i] = (float) right[r][i];
      }
    }
    return new MatrixFactors(
        TensorData.matrix(left[0].length, rank, columns), // (out, r)
        TensorData.matrix(rank, right[0].length, rows)); // (r, in)
  }

  private static double[][] rows(TensorData matrix) {
    int columns = Math.toIntExact(matrix.shape().get(1));
    double[][] rows = new double[Math.toIntExact(matrix.shape().get(0))][columns];
    for (int i = 0; i < matrix.values().length; i++) {
      rows[i / columns][i % columns] = matrix.values()[i];
    }
    return rows;
  }

  private static double[] times(double[][] matrix, double[] v) {
    double[] product = new double[matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < v.length; j++) {
        product[i] += matrix[i][j] * v[j];
      }
    }
    return product;
  }

  private static double[] timesTransposed(double[][] matrix, double[] u) {
    double[] product = new double[matrix[0].length];
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < product.length; j++) {
        product[j] += matrix[i][j] * u[i];
      }
    }
    return product;
  }

  private static void subtract(double[][] matrix, double[] left, double[] right) {
    for (int i = 0; i < left.length; i++) {
      for (int j = 0; j < right.length; j++) {
        matrix[i][j] -= left[i] * right[j];
      }
    }
  }

  /** Makes a vector one long and returns how long it was. */
  private static double unit(double[] vector) {
    double sum = 0;
    for (double value : vector) {
      sum += value * value;
    }
    double length = Math.sqrt(sum);
    for (int i = 0; i < vector.length; i++) {
      vector[i] /= length;
    }
    return length;
  }

  private static double[] scaled(double[] vector, double factor) {
    double[] product = vector.clone();
    for (int i = 0; i < product.length; i++) {
      product[i] *= factor;
    }
    return product;
  }
}
