package io.github.lora4j.djl.internal;

/**
 * In what the numbers of a base are stored and computed. Two bases of one checkpoint give the same
 * bits only if all of it is the same.
 *
 * @param storage type of the matrices in memory
 * @param compute type that the layers compute in
 * @param products who multiplies the matrices
 */
public record Arithmetic(ScalarType storage, ScalarType compute, MatrixProducts products) {

  /**
   * Without a choice of library.
   *
   * @param storage type of the matrices in memory
   * @param compute type that the layers compute in
   */
  public Arithmetic(ScalarType storage, ScalarType compute) {
    this(storage, compute, MatrixProducts.only());
  }
}
