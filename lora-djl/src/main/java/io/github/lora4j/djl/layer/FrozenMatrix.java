package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.MatrixProducts;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.internal.WeightWriter;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A matrix W of the base, (out, in): how it is stored, and its products {@code x Wᵀ (+ b)} and
 * {@code dy W} in the type of x and dy. Nobody else needs to know the storage.
 *
 * <p>It is used as it is if it is stored in the type of x. Otherwise blocks of its rows are
 * converted for the moment of their product; int8 rows, each with a scale, are multiplied as they
 * are by up to 16 rows of bf16 on a CPU. Gradients are those of the dequantised matrix.
 */
public final class FrozenMatrix {

  private final NDArray values;
  private final NDArray[] scales;
  private final MatrixProducts products;
  private final boolean across;

  /**
   * A stored matrix.
   *
   * @param values (out, in), any floating type, or int8
   * @param scales (out) in fp32 if the values are int8, else null
   * @param products who multiplies
   */
  public FrozenMatrix(NDArray values, @Nullable NDArray scales, MatrixProducts products) {
    this(values, scales == null ? new NDArray[0] : new NDArray[] {scales}, products, false);
  }

  private FrozenMatrix(NDArray values, NDArray[] scales, MatrixProducts products, boolean across) {
    this.values = values;
    this.scales = scales;
    this.products = products;
    this.across = across;
  }

  /**
   * A matrix in a floating type, multiplied by torch's own products.
   *
   * @param values (out, in)
   * @return the matrix
   */
  public static FrozenMatrix of(NDArray values) {
    return new FrozenMatrix(values, null, MatrixProducts.only());
  }

  /**
   * The matrix that an adapter brings in the place of this one.
   *
   * @param own (any, in) in fp32
   * @return a matrix multiplied by the same library
   */
  FrozenMatrix replacedBy(NDArray own) {
    return new FrozenMatrix(own, new NDArray[0], products, across);
  }

  /**
   * Whether rows of this matrix have given values once they are stored as it is.
   *
   * @param first first of the rows
   * @param rows (count, in) in fp32
   * @param manager of temporaries
   * @return false if an element differs
   */
  public boolean holds(long first, NDArray rows, NDManager manager) {
    try (NDArray same = Kernels.get().one(manager, "holds_rows", values, scales, first, rows)) {
      return same.toFloatArray()[0] == 1;
    }
  }

  /**
   * Computes x Wᵀ.
   *
   * @param x (N, in)
   * @param pass owner of the result
   * @return (N, out)
   */
  NDArray forward(NDArray x, Pass pass) {
    return call(pass, "frozen_forward", x)[0];
  }

  /**
   * Computes x Wᵀ + b.
   *
   * @param x (N, in)
   * @param bias (out)
   * @param pass owner of the result
   * @return (N, out)
   */
  NDArray forward(NDArray x, NDArray bias, Pass pass) {
    return call(pass, "frozen_forward_bias", x, bias)[0];
  }

  /**
   * Computes dy W.
   *
   * @param dy (N, out)
   * @param pass owner of the result
   * @return (N, in)
   */
  NDArray backward(NDArray dy, Pass pass) {
    return call(pass, "frozen_backward", dy)[0];
  }

  /**
   * Looks rows up.
   *
   * @param ids which, (N) int64
   * @param type type of the result
   * @param pass owner of the result
   * @return (N, in)
   */
  NDArray rows(NDArray ids, ScalarType type, Pass pass) {
    return pass.one("frozen_at", values, scales, ids, type.code());
  }

  /**
   * Calls a kernel whose first parameters are x and a frozen matrix: {@code (x, weight, scales,
   * onednn, …)}.
   */
  NDArray[] call(Pass pass, String kernel, NDArray x, Object... more) {
    Stream<Object> first = Stream.of(x, values, scales, products.oneDnn());
    return pass.many(kernel, Stream.concat(first, Stream.of(more)).toArray());
  }

  /**
   * A matrix that files hold as (in, out), as those of GPT-2 do: this one, read across.
   *
   * @param manager owner of the handle
   * @return the same numbers on the same memory, as (out, in)
   * @throws IllegalStateException if its rows have scales
   */
  public FrozenMatrix across(NDManager manager) {
    if (scales.length > 0) {
      throw new IllegalStateException("rows of int8 cannot be read across");
    }
    return new FrozenMatrix(turned(values, manager), scales, products, true);
  }

  /**
   * The same in int8, each row of the result with a scale.
   *
   * @param values (in, out) in fp32
   * @param products who multiplies
   * @param manager owner of the arrays
   * @return (out, in), new in memory
   */
  public static FrozenMatrix int8Across(
      NDArray values, MatrixProducts products, NDManager manager) {
    try (NDManager scope = manager.newSubManager()) {
      NDArray[] parts = Kernels.get().many(manager, "int8_of", turned(values, scope));
      return new FrozenMatrix(parts[0], new NDArray[] {parts[1]}, products, true);
    }
  }

  /**
   * Whether files hold it as (in, out).
   *
   * @return false for (out, in)
   */
  boolean isAcross() {
    return across;
  }

  private static NDArray turned(NDArray matrix, NDManager manager) {
    return Kernels.get().one(manager, "transposed", matrix);
  }

  /**
   * Measures the rows with an update added: ‖W + s·BA‖, from the dequantised matrix, in fp32.
   *
   * @param into (out), fp32, overwritten
   * @param a (r, in), fp32
   * @param b (out, r), fp32
   * @param scaling s
   */
  public void rowNorms(NDArray into, NDArray a, NDArray b, double scaling) {
    Kernels.get().run("dora_norms", into, values, scales, a, b, scaling);
  }

  /**
   * Measures the columns of a table with an update added: ‖W + s·AᵀBᵀ‖, in fp32.
   *
   * @param into (in), fp32, overwritten
   * @param a (r, out), fp32
   * @param b (in, r), fp32
   * @param scaling s
   */
  public void columnNorms(NDArray into, NDArray a, NDArray b, double scaling) {
    Kernels.get().run("dora_table_norms", into, values, scales, a, b, scaling);
  }

  /**
   * A matrix with an update, new in memory.
   *
   * @param matrix W + s·BA, or m/n·(W + s·BA) of DoRA, stored as W is
   * @param finite whether no element is NaN or infinite
   */
  record Merged(FrozenMatrix matrix, boolean finite) {}

  /** Adds the update of a pair beside a linear map in fp32, rounding once. */
  MergedRows plus(LowRank pair, NDManager manager) {
    Magnitude magnitude = pair.magnitude();
    return plus(
        "merge_pair",
        pair,
        magnitude == null ? new NDArray[0] : new NDArray[] {magnitude.values()},
        manager);
  }

  /** Adds the update of a pair beside an embedding, whose table this is. */
  MergedRows plusInTable(LowRank pair, NDManager manager) {
    Magnitude magnitude = pair.magnitude();
    return plus(
        "merge_table",
        pair,
        magnitude == null
            ? new NDArray[0]
            : new NDArray[] {magnitude.values(), magnitude.ofTable(this, pair)},
        manager);
  }

  private MergedRows plus(String kernel, LowRank pair, NDArray[] magnitude, NDManager manager) {
    NDArray[] room = Kernels.get().many(manager, "merge_room", values, scales);
    NDArray[] newScales = room.length == 2 ? new NDArray[] {room[1]} : scales;
    return new MergedRows(
        new FrozenMatrix(room[0], newScales, products, across),
        kernel,
        room,
        values,
        scales,
        pair.a(),
        pair.b(),
        pair.scaling(),
        magnitude);
  }

  /** The same for a matrix in fp32 that an adapter brings and a pair of its own stands beside. */
  Merged storing(Merged own, NDManager manager) {
    FrozenMatrix stored = storing(own.matrix.values, manager);
    own.matrix.values.close();
    return new Merged(stored, own.finite && stored.isFinite());
  }

  /** Whether no element as it is stored, or as its scale makes it, is NaN or infinite. */
  boolean isFinite() {
    return Kernels.get().test("is_finite", scales.length == 0 ? values : scales[0]);
  }

  /** A matrix in fp32, stored as this one is. */
  FrozenMatrix storing(NDArray own, NDManager manager) {
    try (NDManager scope = manager.newSubManager()) {
      NDArray rows = across ? turned(own, scope) : own; // (out, in)
      NDArray[] parts = Kernels.get().many(manager, "stored_as", values, scales, rows);
      NDArray[] newScales = parts.length == 2 ? new NDArray[] {parts[1]} : scales;
      return new FrozenMatrix(parts[0], newScales, products, across);
    }
  }

  /**
   * Number of rows.
   *
   * @return out
   */
  public int rows() {
    return Math.toIntExact(values.getShape().get(0));
  }

  long columns() {
    return values.getShape().get(1);
  }

  /**
   * Memory that the matrix takes.
   *
   * @param type that its elements are stored in
   * @return bytes, scales included
   */
  public long bytes(ScalarType type) {
    long scale = scales.length == 0 ? 0 : ScalarType.FP32.bytes();
    return values.size() * type.bytes() + scale * rows();
  }

  /** Another handle on the same memory. */
  FrozenMatrix shared(NDManager manager) {
    NDArray[] sameScales = scales.length == 0 ? scales : new NDArray[] {alias(scales[0], manager)};
    return new FrozenMatrix(alias(values, manager), sameScales, products, across);
  }

  private static NDArray alias(NDArray array, NDManager manager) {
    return Kernels.get().one(manager, "rows_of", array, 0, array.getShape().get(0));
  }

  /**
   * Puts the matrix into a checkpoint as it is stored.
   *
   * @param name its name there
   * @param shape as files hold it
   * @param writer of the type that it is stored in
   */
  public void addTo(WeightWriter writer, String name, List<Long> shape) {
    if (scales.length > 0) {
      throw new IllegalStateException("'%s' is int8, which no checkpoint holds".formatted(name));
    }
    writer.matrix(name, shape, across ? turned(values, values.getManager()) : values);
  }

  /**
   * The matrix as layers see it.
   *
   * @param manager owner of the result
   * @return (out, in) in fp32, dequantised
   */
  public NDArray dequantised(NDManager manager) {
    long rows = values.getShape().get(0);
    return Kernels.get()
        .one(manager, "frozen_rows", values, scales, 0, rows, ScalarType.FP32.code());
  }

  /**
   * The matrix as files hold it.
   *
   * @param manager owner of the result
   * @return (out, in) or (in, out) in fp32, dequantised
   */
  public NDArray filed(NDManager manager) {
    NDArray rows = dequantised(manager); // (out, in)
    return across ? Kernels.get().one(manager, "copy_of", turned(rows, manager)) : rows;
  }
}
