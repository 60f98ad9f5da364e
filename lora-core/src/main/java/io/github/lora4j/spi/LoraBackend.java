package io.github.lora4j.spi;

import java.util.Arrays;
import java.util.List;

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
   * Measures the rows of an adapted matrix, as DoRA's magnitudes start; W of an embedding is its
   * table turned, so that these are the table's columns. An engine that can do better than to copy
   * the matrix to the heap should.
   *
   * @param model a model that this engine supports
   * @param pair where it stands
   * @param a A, (rank, in)
   * @param b B, (out, rank)
   * @return ‖W + s·BA‖ of each row, (out)
   */
  default TensorData rowNorms(Object model, AdapterLayout.Pair pair, TensorData a, TensorData b) {
    float[] weight = parameter(model, pair.path() + ".weight").values(); // (out, in)
    boolean turned =
        modules(model).modules().stream()
            .anyMatch(
                module ->
                    module.path().equals(pair.path())
                        && module.kind() == TargetModule.Kind.EMBEDDING); // (in, out)
    int in = pair.inFeatures();
    int out = pair.outFeatures();
    float[] norms = new float[out];
    for (int row = 0; row < norms.length; row++) {
      double sum = 0;
      for (int column = 0; column < in; column++) {
        double update = 0;
        for (int r = 0; r < pair.rank(); r++) {
          update += (double) b.values()[row * pair.rank() + r] * a.values()[r * in + column];
        }
        float own = weight[turned ? column * out + row : row * in + column];
        double value = own + pair.scaling() * update;
        sum += value * value;
      }
      norms[row] = (float) Math.sqrt(sum);
    }
    return new TensorData(List.of((long) norms.length), norms); // (out)
  }

  /**
   * Splits the leading part off a matrix of the base, as adapters of PiSSA and OLoRA start. The
   * base is not changed.
   *
   * @param model a model that this engine supports
   * @param path of a linear map
   * @param kind which decomposition
   * @param rank of the part, at most the smaller side of the matrix
   * @return the factors of the dequantised matrix, fp32
   * @throws UnsupportedOperationException if this engine decomposes no matrices
   */
  default MatrixFactors factors(Object model, String path, MatrixFactors.Kind kind, int rank) {
    throw new UnsupportedOperationException(
        getClass().getSimpleName()
            + " decomposes no matrices, which LoraInit.PISSA and OLORA start from; use KAIMING");
  }

  /**
   * Whether rows of a matrix of the base, or a whole vector, have given values, as far as the base
   * can tell: it compares in the type that it stores the matrix in.
   *
   * @param model a model that this engine supports
   * @param name the parameter's name, as for {@link #parameter}
   * @param firstRow first of the rows, from 0; 0 for a vector
   * @param rows their values, (count, width), or all of a vector, (width)
   * @return false if an element differs
   */
  default boolean holds(Object model, String name, int firstRow, TensorData rows) {
    float[] own = parameter(model, name).values();
    int width = Math.toIntExact(rows.shape().get(rows.shape().size() - 1));
    int from = firstRow * width;
    float[] given = rows.values();
    return own.length >= from + given.length
        && Arrays.equals(own, from, from + given.length, given, 0, given.length);
  }

  /**
   * Whether {@link #attach} and {@link LoraView#replace} have taken all values when they return and
   * hold on to no {@link TensorData}. Values are then given where they stand in a file, which is
   * closed afterwards, and need not go over the heap.
   *
   * @return true if so
   */
  default boolean takesValuesAtOnce() {
    return false;
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
