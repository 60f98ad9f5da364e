package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;
import org.jspecify.annotations.Nullable;

/** One of the layers that a model is a stack of: tokens in, tokens out. */
public interface Block {

  /**
   * Where its modules stand.
   *
   * @return start of their paths, with the dot at its end, e.g. {@code model.layers.3.}
   */
  String path();

  /**
   * Computes the output and keeps what backward will need.
   *
   * @param x (N, D); not freed
   * @param pass the batch and its adapters
   * @param tape what backward will need
   * @return (N, D)
   */
  NDArray forward(NDArray x, Pass pass, Tape tape);

  /**
   * Keeps what {@link #forward} keeps; what backward does not need is not computed.
   *
   * @param x (N, D)
   * @param pass the batch and its adapters
   * @param tape what backward will need
   */
  void replay(NDArray x, Pass pass, Tape tape);

  /**
   * Mirrors forward from its last line to its first, and frees as it goes.
   *
   * @param dy gradient of the output, (N, D); not freed
   * @param pass the pass of forward
   * @param tape what forward kept
   * @param wantInput whether anything before this block needs a gradient
   * @return (N, D), or null if it is not wanted
   */
  @Nullable NDArray backward(NDArray dy, Pass pass, Tape tape, boolean wantInput);
}
