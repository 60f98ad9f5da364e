package io.github.lora4j;

import io.github.lora4j.spi.TensorData;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The nearest adapter of a lower rank. BA is never formed: with B = Q₁R₁ and Aᵀ = Q₂R₂, BA = Q₁
 * (R₁R₂ᵀ) Q₂ᵀ, and the singular values of the (r, r) matrix in the middle are those of BA. By
 * Eckart and Young, keeping the largest is best, and the error is what is left out.
 */
final class AdapterReduction {

  private final AdapterValues adapter;
  private final int rank;
  private final Map<String, Double> errors = new LinkedHashMap<>();
  private double squaredNorm;
  private double squaredError;

  AdapterReduction(AdapterValues adapter, int rank) {
    this.adapter = adapter;
    this.rank = rank;
  }

  AdapterValues values() {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    for (LoraLinear pair : adapter.plan().pairs()) {
      ranks.put(pair.path(), Math.min(rank, pair.rank()));
    }
    LoraPlan before = adapter.plan();
    LoraPlan plan = UnitScaling.plan(before.tree(), List.of(before.config()), ranks);
    Map<String, TensorData> values = new LinkedHashMap<>();
    for (int i = 0; i < plan.pairs().size(); i++) {
      reduce(before.pairs().get(i), plan.pairs().get(i), values);
    }
    plan.biases().forEach(bias -> values.put(bias.name(), adapter.tensor(bias.name())));
    return new AdapterValues(plan, values);
  }

  private void reduce(LoraLinear from, LoraLinear to, Map<String, TensorData> values) {
    OrthogonalFactor b = new OrthogonalFactor(columnsOfB(from));
    OrthogonalFactor a = new OrthogonalFactor(rowsOfA(from));
    SingularValues core = new SingularValues(product(b, a, from.rank()));
    double norm = core.squaresFrom(0);
    double error = to.rank() < a.size() ? core.squaresFrom(to.rank()) : 0;
    squaredNorm += norm;
    squaredError += error;
    errors.put(from.path(), ratio(error, norm));
    float[] newA = new float[to.rank() * to.inFeatures()];
    float[] newB = new float[to.outFeatures() * to.rank()];
    for (int i = 0; i < Math.min(to.rank(), a.size()); i++) {
      double[] left = b.times(core.halfLeft(i));
      double[] right = a.times(core.halfRight(i));
      for (int column = 0; column < right.length; column++) {
        newA[i * right.length + column] = (float) right[column];
      }
      for (int row = 0; row < left.length; row++) {
        newB[row * to.rank() + i] = (float) left[row];
      }
    }
    values.put(
        AdapterValues.nameOfA(to), TensorData.matrix(to.rank(), to.inFeatures(), newA)); // (k, in)
    values.put(
        AdapterValues.nameOfB(to),
        TensorData.matrix(to.outFeatures(), to.rank(), newB)); // (out, k)
  }

  /** Columns of s·B. */
  private double[][] columnsOfB(LoraLinear pair) {
    float[] b = adapter.b(pair);
    double[][] columns = new double[pair.rank()][pair.outFeatures()];
    for (int i = 0; i < b.length; i++) {
      columns[i % pair.rank()][i / pair.rank()] = pair.scaling() * b[i];
    }
    return columns;
  }

  /** Rows of A, which are the columns of Aᵀ. */
  private double[][] rowsOfA(LoraLinear pair) {
    float[] a = adapter.a(pair);
    double[][] rows = new double[pair.rank()][pair.inFeatures()];
    for (int i = 0; i < a.length; i++) {
      rows[i / pair.inFeatures()][i % pair.inFeatures()] = a[i];
    }
    return rows;
  }

  /** Columns of R₁R₂ᵀ. */
  private static double[][] product(OrthogonalFactor b, OrthogonalFactor a, int inner) {
    double[][] columns = new double[a.size()][b.size()];
    for (int column = 0; column < a.size(); column++) {
      for (int row = 0; row < b.size(); row++) {
        for (int k = Math.max(row, column); k < inner; k++) {
          columns[column][row] += b.r(row, k) * a.r(column, k);
        }
      }
    }
    return columns;
  }

  private static double ratio(double squaredError, double squaredNorm) {
    return squaredNorm == 0 ? 0 : Math.sqrt(squaredError / squaredNorm);
  }

  /** Of each module, by path. */
  Map<String, Double> errors() {
    return errors;
  }

  /** Over all modules. */
  double error() {
    return ratio(squaredError, squaredNorm);
  }
}
