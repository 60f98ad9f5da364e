package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;

/** What stands before the blocks of a model: token ids in, hidden states out. */
public interface Entry {

  /**
   * Computes the hidden states of the first block.
   *
   * @param pass the batch and its adapters
   * @param tape what backward will need
   * @return (N, D), owned by the pass
   */
  NDArray forward(Pass pass, Tape tape);

  /**
   * Whether an adapter of a pass trains anything here.
   *
   * @param pass a training pass
   * @return true if gradients have to reach it
   */
  boolean trained(Pass pass);

  /**
   * Adds up what is trained here.
   *
   * @param dy gradient of the hidden states, (N, D)
   * @param pass the pass of forward
   * @param tape what forward kept
   */
  void backward(NDArray dy, Pass pass, Tape tape);
}
