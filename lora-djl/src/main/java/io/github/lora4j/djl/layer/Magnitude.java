package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/**
 * The trained lengths m of the rows of an adapted matrix (DoRA), and the lengths n = ‖W + s·BA‖
 * that the rows have without them; beside an embedding, those of the columns of its table. n is
 * measured when it is first asked for, and again after A or B have changed: once for an adapter
 * that is only used, once a step for one that is trained.
 *
 * <p>Thread-safe: whoever asks while n is being measured waits.
 */
final class Magnitude {

  private final NDArray values;
  private final @Nullable NDArray gradient;
  private final NDArray norms;
  private boolean measured;

  /**
   * Lengths of one matrix.
   *
   * @param values m, (out), fp32
   * @param gradient (out), null if the adapter is not trained
   * @param norms room for n, (out), fp32
   */
  Magnitude(NDArray values, @Nullable NDArray gradient, NDArray norms) {
    this.values = values;
    this.gradient = gradient;
    this.norms = norms;
  }

  /** m, (out). */
  NDArray values() {
    return values;
  }

  /** Of m, (out); null if the adapter is not trained. */
  @Nullable NDArray gradient() {
    return gradient;
  }

  /**
   * n, (out), of the present A and B beside the one matrix that this adapter's pair stands beside.
   */
  synchronized NDArray norms(FrozenMatrix weight, LowRank pair) {
    if (!measured) {
      weight.rowNorms(norms, pair.a(), pair.b(), pair.scaling());
      measured = true;
    }
    return norms;
  }

  /** The same of the columns of the one table that this adapter's pair stands beside. */
  synchronized NDArray ofTable(FrozenMatrix table, LowRank pair) {
    if (!measured) {
      table.columnNorms(norms, pair.a(), pair.b(), pair.scaling());
      measured = true;
    }
    return norms;
  }

  /** Says that A or B are not what they were. */
  synchronized void changed() {
    measured = false;
  }
}
