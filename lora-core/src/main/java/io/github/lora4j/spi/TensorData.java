package io.github.lora4j.spi;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * A small tensor on the Java heap, for what crosses the border between the core and an engine:
 * adapter tensors, fp32, row-major.
 *
 * @param shape dimensions, outermost first
 * @param values the elements; not copied, the giver must not change them afterwards
 * @since 0.1.0
 */
@SuppressWarnings(
    "ArrayRecordComponent") // megabytes: a list of boxed floats would be six times that
public record TensorData(List<Long> shape, float[] values) {

  /** Checks that the shape and the number of values agree. */
  public TensorData {
    shape = List.copyOf(shape);
    Objects.requireNonNull(values, "values");
    long elements = shape.stream().reduce(1L, Math::multiplyExact);
    if (elements != values.length) {
      throw new IllegalArgumentException(
          "shape %s has %d elements, got %d values".formatted(shape, elements, values.length));
    }
  }

  /**
   * A matrix.
   *
   * @param rows first dimension
   * @param columns second dimension
   * @param values row by row
   * @return the tensor
   */
  public static TensorData matrix(int rows, int columns, float[] values) {
    return new TensorData(List.of((long) rows, (long) columns), values);
  }

  /**
   * Looks for what an adapter must not contain.
   *
   * @return index of the first NaN or infinity; empty if there is none
   */
  public OptionalInt firstNotFinite() {
    for (int i = 0; i < values.length; i++) { // as every element of every adapter is asked
      if (!Float.isFinite(values[i])) {
        return OptionalInt.of(i);
      }
    }
    return OptionalInt.empty();
  }

  /** Compares shape and bits of the values. */
  @Override
  public boolean equals(Object other) {
    return other instanceof TensorData that
        && shape.equals(that.shape)
        && Arrays.equals(values, that.values);
  }

  @Override
  public int hashCode() {
    return 31 * shape.hashCode() + Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return "TensorData" + shape;
  }
}
