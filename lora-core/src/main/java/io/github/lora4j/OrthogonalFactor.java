package io.github.lora4j;

/**
 * The thin QR factorisation of a tall matrix by Householder's reflections, in fp64: M = Q R with
 * orthonormal columns in Q, also where columns of M depend on each other.
 */
final class OrthogonalFactor {

  private final double[][] columns; // below the diagonal: the reflections
  private final int rows;
  private final int reflections;
  private final double[] diagonal; // of R

  /**
   * Factorises a matrix in place.
   *
   * @param columns of M, each of the same length; used up
   */
  OrthogonalFactor(double[][] columns) {
    this.columns = columns;
    this.rows = columns[0].length;
    this.reflections = Math.min(rows, columns.length);
    this.diagonal = new double[reflections];
    for (int k = 0; k < reflections; k++) {
      reflect(k);
    }
  }

  /** Turns column k to the k-th axis, and the columns after it likewise. */
  private void reflect(int k) {
    double[] v = columns[k];
    double length = 0;
    for (int i = k; i < rows; i++) {
      length = Math.hypot(length, v[i]);
    }
    if (length == 0) {
      return; // no reflection: v stays zero
    }
    diagonal[k] = v[k] > 0 ? -length : length;
    v[k] -= diagonal[k];
    for (int j = k + 1; j < columns.length; j++) {
      apply(k, columns[j]);
    }
  }

  /** x − 2 v (v·x) / (v·v), from element k on. */
  private void apply(int k, double[] x) {
    double[] v = columns[k];
    double along = 0;
    double square = 0;
    for (int i = k; i < rows; i++) {
      along += v[i] * x[i];
      square += v[i] * v[i];
    }
    if (square == 0) {
      return;
    }
    double factor = 2 * along / square;
    for (int i = k; i < rows; i++) {
      x[i] -= factor * v[i];
    }
  }

  /** Rows of R, as many as columns of Q. */
  int size() {
    return reflections;
  }

  /** Element of R; zero below the diagonal. */
  double r(int row, int column) {
    if (row > column) {
      return 0;
    }
    return row == column ? diagonal[row] : columns[column][row];
  }

  /**
   * Computes Q x.
   *
   * @param x as long as R has rows
   * @return as long as M has rows
   */
  double[] times(double[] x) {
    double[] result = new double[rows];
    System.arraycopy(x, 0, result, 0, reflections);
    for (int k = reflections - 1; k >= 0; k--) {
      apply(k, result);
    }
    return result;
  }
}
