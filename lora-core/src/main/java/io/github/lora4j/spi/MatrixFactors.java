package io.github.lora4j.spi;

import java.util.Objects;

/**
 * The leading part of a matrix as a product of two thin ones.
 *
 * @param left (out, rank)
 * @param right (rank, in)
 * @since 0.1.0
 */
public record MatrixFactors(TensorData left, TensorData right) {

  /** Which part is the leading one, and how it is shared between the factors. */
  public enum Kind {
    /** The largest singular values S: U√S and √S Vᵀ. */
    SINGULAR,
    /** The first columns of an orthogonal Q and rows of an upper triangular R. */
    TRIANGULAR
  }

  /** Checks the record. */
  public MatrixFactors {
    Objects.requireNonNull(left, "left");
    Objects.requireNonNull(right, "right");
  }
}
