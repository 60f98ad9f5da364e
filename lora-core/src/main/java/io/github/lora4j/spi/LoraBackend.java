package io.github.lora4j.spi;

import java.util.Arrays;

/**
 * An engine: it knows the modules of its models and can put an adapter beside a base. Found by
 * {@link java.util.ServiceLoader}.
 *
 * @since 0.1.0
 */
public interface LoraBackend {

  /**
   * Whether this engine's models include the given one.
   *
   * @param model any object
   * @return true if the other methods accept it
   */
  boolean supports(Object model);

  /**
   * What the model consists of. Cheap: no weight is read.
   *
   * @param model a model that this engine supports
   * @return its modules and parameters, without any adapter
   */
  ModuleTree modules(Object model);

  /**
   * Reads a parameter of the base, e.g. a bias that an adapter will own a copy of. A head that is
   * tied to an embedding has a name of its own here, though it is no parameter of its own.
   *
   * @param model a model that this engine supports
   * @param name the parameter's name in {@link ModuleTree#parameters()}
   * @return its values in fp32
   */
  TensorData parameter(Object model, String name);

  /**
   * Whether rows of a matrix of the base have given values, as far as the base can tell: it
   * compares in the type that it stores the matrix in.
   *
   * @param model a model that this engine supports
   * @param name the matrix's name, as for {@link #parameter}
   * @param firstRow first of the rows, from 0
   * @param rows their values, (count, width)
   * @return false if an element differs
   */
  default boolean holds(Object model, String name, int firstRow, TensorData rows) {
    float[] own = parameter(model, name).values();
    int from = firstRow * Math.toIntExact(rows.shape().get(1));
    float[] given = rows.values();
    return Arrays.equals(own, from, from + given.length, given, 0, given.length);
  }

  /**
   * Makes a view: the base with an adapter beside it. The base is shared and never written.
   *
   * @param <M> type of the model
   * @param base the model without an adapter
   * @param layout where the pairs stand and what they contain; already checked against the base
   * @param trainable whether gradients will be wanted
   * @return the view, which owns the adapter's native memory
   */
  <M> LoraView<M> attach(M base, AdapterLayout layout, boolean trainable);
}
