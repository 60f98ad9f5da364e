package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;

/** The feed-forward layer of a block. */
public interface FeedForward {

  /**
   * Computes y and keeps what backward will need.
   *
   * @param x (N, D)
   * @param pass the batch and its adapters
   * @param tape what backward will need
   * @return (N, D)
   */
  NDArray forward(NDArray x, Pass pass, Tape tape);

  /**
   * Keeps what {@link #forward} keeps, without its last product.
   *
   * @param x (N, D)
   * @param pass the batch and its adapters
   * @param tape what backward will need
   */
  void replay(NDArray x, Pass pass, Tape tape);

  /**
   * Turns the gradient of y into that of x.
   *
   * @param dy (N, D)
   * @param pass the pass of forward
   * @param tape what forward kept
   * @return (N, D)
   */
  NDArray backward(NDArray dy, Pass pass, Tape tape);
}
