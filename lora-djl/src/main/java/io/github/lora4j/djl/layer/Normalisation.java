package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;

/** A norm over the numbers of a token; frozen, unless an adapter brings its own parameters. */
public interface Normalisation {

  /**
   * Normalises and keeps what backward will need. Whoever has to keep y keeps how it is made from
   * x: the same kernel on the same numbers, so the same bits.
   *
   * @param x (N, D)
   * @param pass the batch and its adapters
   * @param tape what backward will need
   * @return (N, D)
   */
  NDArray forward(NDArray x, Pass pass, Tape tape);

  /**
   * Turns the gradient of y into that of x.
   *
   * @param dy (N, D)
   * @param pass the pass of forward
   * @param tape what forward kept
   * @return (N, D)
   */
  NDArray backward(NDArray dy, Pass pass, Tape tape);

  /**
   * Adds up the gradients of an adapter's own parameters, for the last norm of a backward pass,
   * whose input needs no gradient.
   *
   * @param dy (N, D)
   * @param pass the pass of forward
   * @param tape what forward kept
   */
  void accumulate(NDArray dy, Pass pass, Tape tape);

  /**
   * Whether an adapter of a pass trains its parameters.
   *
   * @param pass a training pass
   * @return true if {@link #accumulate} has something to add up
   */
  boolean trained(Pass pass);
}
