package io.github.lora4j.spi;

import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A tensor that crosses the border between the core and an engine: adapter tensors, fp32,
 * row-major. Its elements are on the Java heap, or where they can be had from.
 *
 * @since 0.1.0
 */
public final class TensorData {

  /** Where elements are that are not on the heap, e.g. in a file that is open. */
  @FunctionalInterface
  public interface Source {

    /**
     * Puts all elements into a buffer.
     *
     * @param room for exactly so many fp32 numbers, in the order of bytes of the machine
     * @throws java.io.UncheckedIOException if they cannot be read
     */
    void writeTo(ByteBuffer room);
  }

  private final List<Long> shape;
  private final Source source;

  /** Null if the elements are elsewhere. */
  private final float @Nullable [] values;

  /**
   * A tensor on the heap.
   *
   * @param shape dimensions, outermost first
   * @param values the elements; not copied, the giver must not change them afterwards
   * @throws IllegalArgumentException if shape and number of elements disagree
   */
  public TensorData(List<Long> shape, float[] values) {
    this.shape = List.copyOf(shape);
    this.values = Objects.requireNonNull(values, "values");
    this.source = room -> room.asFloatBuffer().put(values);
    if (elements() != values.length) {
      throw new IllegalArgumentException(
          "shape %s has %d elements, got %d values".formatted(shape, elements(), values.length));
    }
  }

  private TensorData(List<Long> shape, Source source) {
    this.shape = List.copyOf(shape);
    this.source = Objects.requireNonNull(source, "source");
    this.values = null;
  }

  /**
   * A tensor whose elements are not on the heap.
   *
   * @param shape dimensions, outermost first; fewer than 2³¹ elements
   * @param source gives the elements, as long as it can
   * @return the tensor
   */
  public static TensorData at(List<Long> shape, Source source) {
    return new TensorData(shape, source);
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
   * Dimensions.
   *
   * @return outermost first
   */
  public List<Long> shape() {
    return shape;
  }

  /**
   * Number of elements.
   *
   * @return the product of the shape
   */
  public long elements() {
    long elements = 1;
    for (long size : shape) {
      elements = Math.multiplyExact(elements, size);
    }
    return elements;
  }

  /**
   * The elements on the heap.
   *
   * @return the array given; read anew at each call if they are elsewhere
   */
  public float[] values() {
    if (values != null) {
      return values;
    }
    int elements = Math.toIntExact(elements());
    ByteBuffer room =
        ByteBuffer.allocate(Math.multiplyExact(Float.BYTES, elements))
            .order(ByteOrder.nativeOrder());
    writeTo(room);
    float[] read = new float[elements];
    room.flip().asFloatBuffer().get(read);
    return read;
  }

  /**
   * This tensor on the heap, where it stays when a file is closed.
   *
   * @return this, if it is there already
   */
  public TensorData onHeap() {
    return values == null ? new TensorData(shape, values()) : this;
  }

  /**
   * Puts all elements into the next bytes of a buffer, on the heap or off it.
   *
   * @param room its position moves behind them; its order of bytes is that of the machine
   * @throws java.io.UncheckedIOException if they cannot be read
   * @throws java.nio.BufferOverflowException if there is too little room
   */
  public void writeTo(ByteBuffer room) {
    int length = Math.toIntExact(Math.multiplyExact(Float.BYTES, elements()));
    if (length > room.remaining()) {
      throw new BufferOverflowException();
    }
    source.writeTo(room.slice(room.position(), length).order(room.order()));
    room.position(room.position() + length);
  }

  /**
   * Looks for what an adapter must not contain.
   *
   * @return index of the first NaN or infinity; empty if there is none
   */
  public OptionalInt firstNotFinite() {
    float[] all = values();
    for (int i = 0; i < all.length; i++) { // as every element of every adapter is asked
      if (!Float.isFinite(all[i])) {
        return OptionalInt.of(i);
      }
    }
    return OptionalInt.empty();
  }

  /** Compares shape and bits of the values. */
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof TensorData that
        && shape.equals(that.shape)
        && Arrays.equals(values(), that.values());
  }

  @Override
  public int hashCode() {
    return 31 * shape.hashCode() + Arrays.hashCode(values());
  }

  @Override
  public String toString() {
    return "TensorData" + shape;
  }
}
