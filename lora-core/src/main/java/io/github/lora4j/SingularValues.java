package io.github.lora4j;

import java.util.Arrays;
import java.util.Comparator;

/**
 * The singular values of a small matrix by Jacobi's one-sided method, in fp64: M = Σ σᵢ uᵢ vᵢᵀ, the
 * largest first. Pairs of columns are rotated until all are orthogonal; their lengths are then σ.
 *
 * @see <a href="https://doi.org/10.1137/0613074">Demmel and Veselić 1992</a>
 */
final class SingularValues {

  private static final double EPSILON = 1e-15;
  private static final int MOST_SWEEPS = 60;

  private final double[][] left; // σᵢ uᵢ
  private final double[][] right; // vᵢ
  private final double[] values;

  /**
   * Decomposes a matrix.
   *
   * @param columns of M; used up
   * @throws IllegalStateException if the columns do not become orthogonal
   */
  SingularValues(double[][] columns) {
    double[][] rotations = identity(columns.length);
    double noise = EPSILON * EPSILON * Arrays.stream(columns).mapToDouble(c -> dot(c, c)).sum();
    int sweep = 0;
    while (rotateAll(columns, rotations, noise)) {
      if (++sweep > MOST_SWEEPS) {
        throw new IllegalStateException(
            "the columns of a %d by %d matrix are not orthogonal after %d sweeps"
                .formatted(columns[0].length, columns.length, MOST_SWEEPS));
      }
    }
    Integer[] order = new Integer[columns.length];
    Arrays.setAll(order, i -> i);
    double[] lengths = Arrays.stream(columns).mapToDouble(c -> Math.sqrt(dot(c, c))).toArray();
    Arrays.sort(order, Comparator.comparing((Integer i) -> -lengths[i]));
    this.left = Arrays.stream(order).map(i -> columns[i]).toArray(double[][]::new);
    this.right = Arrays.stream(order).map(i -> rotations[i]).toArray(double[][]::new);
    this.values = Arrays.stream(order).mapToDouble(i -> lengths[i]).toArray();
  }

  private static double[][] identity(int size) {
    double[][] columns = new double[size][size];
    for (int i = 0; i < size; i++) {
      columns[i][i] = 1;
    }
    return columns;
  }

  /** One sweep; false if nothing was left to rotate. */
  private static boolean rotateAll(double[][] columns, double[][] rotations, double noise) {
    boolean rotated = false;
    for (int p = 0; p < columns.length - 1; p++) {
      for (int q = p + 1; q < columns.length; q++) {
        double alpha = dot(columns[p], columns[p]);
        double beta = dot(columns[q], columns[q]);
        double gamma = dot(columns[p], columns[q]);
        if (Math.abs(gamma) <= Math.max(EPSILON * Math.sqrt(alpha) * Math.sqrt(beta), noise)) {
          continue;
        }
        rotated = true;
        double zeta = (beta - alpha) / (2 * gamma);
        double tangent = Math.copySign(1, zeta) / (Math.abs(zeta) + Math.hypot(1, zeta));
        double cosine = 1 / Math.hypot(1, tangent);
        rotate(columns[p], columns[q], cosine, cosine * tangent);
        rotate(rotations[p], rotations[q], cosine, cosine * tangent);
      }
    }
    return rotated;
  }

  private static void rotate(double[] one, double[] other, double cosine, double sine) {
    for (int i = 0; i < one.length; i++) {
      double before = one[i];
      one[i] = cosine * before - sine * other[i];
      other[i] = sine * before + cosine * other[i];
    }
  }

  private static double dot(double[] one, double[] other) {
    double sum = 0;
    for (int i = 0; i < one.length; i++) {
      sum += one[i] * other[i];
    }
    return sum;
  }

  /** The i-th largest. */
  double value(int i) {
    return values[i];
  }

  /** Sum of squares of all from the i-th on. */
  double squaresFrom(int i) {
    return Arrays.stream(values, i, values.length).map(value -> value * value).sum();
  }

  /** √σᵢ uᵢ; zero where σᵢ is. */
  double[] halfLeft(int i) {
    return scaled(left[i], values[i] == 0 ? 0 : 1 / Math.sqrt(values[i]));
  }

  /** √σᵢ vᵢ. */
  double[] halfRight(int i) {
    return scaled(right[i], Math.sqrt(values[i]));
  }

  private static double[] scaled(double[] column, double factor) {
    return Arrays.stream(column).map(value -> factor * value).toArray();
  }
}
