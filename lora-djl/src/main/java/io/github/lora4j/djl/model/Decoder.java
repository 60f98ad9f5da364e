package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.StepShape;
import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.layer.KeyValueCache;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.io.ShardedWriter;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TensorData;

/**
 * A causal language model without an opinion on adapters: training and generation are written
 * against it, every family implements it. Its weights are frozen and shared; any number of threads
 * may run passes at once.
 */
public interface Decoder extends AutoCloseable {

  /**
   * Modules and parameters, named as in the checkpoint.
   *
   * @return the tree
   */
  ModuleTree modules();

  /**
   * Reads a parameter.
   *
   * @param name as in {@link ModuleTree#parameters()}, or of a tied head, which is not listed there
   * @return its values in fp32
   */
  TensorData parameter(String name);

  /**
   * A matrix of a linear map, as it is stored.
   *
   * @param path of the map in the module tree
   * @return W, (out, in)
   * @throws IllegalArgumentException if there is none
   */
  FrozenMatrix matrix(String path);

  /**
   * Whether rows of a matrix, or a whole vector, have given values, compared in the type that they
   * are stored in.
   *
   * @param name as for {@link #parameter}
   * @param firstRow first of the rows
   * @param rows their values, (count, width)
   * @return false if an element differs
   */
  boolean holds(String name, int firstRow, TensorData rows);

  /**
   * Parent of the managers of all passes.
   *
   * @return the model's manager
   */
  NDManager manager();

  /**
   * Size of the base's vocabulary.
   *
   * @return V
   */
  int vocabulary();

  /**
   * Type that the layers compute in and gradients pass through. In fp16 small ones vanish, unless
   * the loss is scaled.
   *
   * @return the type, whatever the weights are stored in
   */
  default ScalarType computeType() {
    return arithmetic().compute();
  }

  /**
   * What the numbers of this model are stored and computed in.
   *
   * @return all that decides their last bits
   */
  Arithmetic arithmetic();

  /**
   * Native memory of the weights, mapped files included.
   *
   * @return bytes
   */
  long weightBytes();

  /**
   * Logits of a pass, keys and values going to its cache if it has one.
   *
   * @param pass the batch and its adapters
   * @param lastOnly whether only the last position of each sequence is wanted
   * @return (N, V) or (B, V) in fp32, owned by the pass
   */
  NDArray logits(Pass pass, boolean lastOnly);

  /**
   * Cross-entropy over the labelled positions, without gradients.
   *
   * @param pass the batch, its labels and adapters
   * @param scale factor of the sum over positions, usually 1 / number of labels
   * @return the scaled sum
   */
  double loss(Pass pass, double scale);

  /**
   * Cross-entropy over the labelled positions, adding the gradients of the pass's adapter to its
   * buffer.
   *
   * @param pass a training pass
   * @param scale factor of the sum over positions, usually 1 / labels of the accumulated batch
   * @param keptLayers layers, counted from the last one down, that keep what their backward needs;
   *     the others keep their input and are computed again. Loss and gradients do not depend on it
   * @return the scaled sum
   */
  double lossAndGradients(Pass pass, double scale, int keptLayers);

  /**
   * As {@link #lossAndGradients(Pass, double, int)} with all layers kept or, recomputed, only the
   * last one, whose backward comes at once.
   *
   * @param pass a training pass
   * @param scale factor of the sum over positions
   * @param recompute whether to save memory at the cost of time
   * @return the scaled sum
   */
  default double lossAndGradients(Pass pass, double scale, boolean recompute) {
    return lossAndGradients(pass, scale, recompute ? 1 : StepShape.ALL_LAYERS);
  }

  /**
   * An empty cache of this model's shape.
   *
   * @param rows sequences
   * @param capacity tokens a row can hold
   * @return the cache, to be closed by the caller
   */
  KeyValueCache newCache(int rows, int capacity);

  /**
   * A model whose weights carry an adapter. Weights that it does not touch are shared with this
   * one; either may be closed first.
   *
   * @param adapter an adapter of this model
   * @return a bare model, to be closed by the caller
   * @throws io.github.lora4j.LoraException if a merged weight is NaN or infinite
   */
  Decoder merged(AdapterWeights adapter);

  /**
   * Puts all parameters into a checkpoint: matrices as they are stored, vectors likewise or in
   * fp32, under the names of {@link #modules()}.
   *
   * @param files to be written while this model is open
   * @throws IllegalStateException if the matrices are int8
   */
  void addTo(ShardedWriter files);

  /** Gives the weights back. */
  @Override
  void close();
}
