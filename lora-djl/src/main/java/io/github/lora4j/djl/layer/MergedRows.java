package io.github.lora4j.djl.layer;

import io.github.lora4j.djl.internal.Kernels;
import java.util.Arrays;

/**
 * A matrix of a merged model in the making: {@code W + s·BA}, or {@code m/n·(W + s·BA)} of DoRA,
 * stored as W is. Its rows are independent of each other: any thread may compute any of them.
 */
final class MergedRows {

  private final FrozenMatrix matrix;
  private final String kernel;
  private final Object[] arguments;

  /**
   * Room for the result.
   *
   * @param kernel computes rows
   * @param arguments of the kernel, but for the range of rows
   */
  MergedRows(FrozenMatrix matrix, String kernel, Object... arguments) {
    this.matrix = matrix;
    this.kernel = kernel;
    this.arguments = arguments;
  }

  /** The result, undefined in rows that are not computed. */
  FrozenMatrix matrix() {
    return matrix;
  }

  /** Computes rows, and says whether they are finite as they are stored. */
  boolean compute(int first, int last) {
    Object[] all = Arrays.copyOf(arguments, arguments.length + 2);
    all[arguments.length] = first;
    all[arguments.length + 1] = last;
    return Kernels.get().test(kernel, all);
  }

  /** Computes all rows. */
  FrozenMatrix.Merged all() {
    boolean finite = compute(0, matrix.rows());
    return new FrozenMatrix.Merged(matrix, finite);
  }
}
