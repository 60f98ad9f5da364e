package io.github.lora4j.io;

import java.util.List;

/**
 * A tensor as a view of its storage.
 *
 * @param storage where its elements are
 * @param dtype of its elements
 * @param offset of the first element, in elements
 * @param shape dimensions, outermost first
 * @param strides elements from one index of a dimension to the next
 */
record TorchTensor(
    TorchStorage storage, DType dtype, long offset, List<Long> shape, List<Long> strides) {

  private static final int MOST_DIMENSIONS = 64; // torch's own limit

  TorchTensor {
    shape = List.copyOf(shape);
    strides = List.copyOf(strides);
  }

  /** What cannot be true of it; empty if all is well. Every other method needs it to be well. */
  String problem() {
    if (shape.size() != strides.size() || shape.size() > MOST_DIMENSIONS) {
      return "a tensor has %d dimensions and %d strides".formatted(shape.size(), strides.size());
    }
    if (offset < 0 || least(shape) < 0 || least(strides) < 0) {
      return "a tensor has offset %d, shape %s and strides %s, of which one is negative"
          .formatted(offset, shape, strides);
    }
    long held = storage.bytes() / dtype.sizeInBytes();
    try {
      long elements = shape.contains(0L) ? 0 : shape.stream().reduce(1L, Math::multiplyExact);
      // an expanded tensor repeats elements by a stride of 0: a few bytes could claim any size
      if (elements > held || (elements > 0 && end() > held) || offset > held) {
        return "a tensor of shape %s, strides %s and offset %d leaves or repeats its storage of %d"
            .formatted(shape, strides, offset, held);
      }
    } catch (ArithmeticException e) {
      return "the size of a tensor of shape %s and strides %s overflows".formatted(shape, strides);
    }
    return "";
  }

  private static long least(List<Long> numbers) {
    return numbers.stream().mapToLong(number -> number).min().orElse(0);
  }

  long elements() {
    return shape.stream().reduce(1L, (a, b) -> a * b);
  }

  /** One past the last element in the storage, if there is any element. */
  long end() {
    long last = offset;
    for (int i = 0; i < shape.size(); i++) {
      last = Math.addExact(last, Math.multiplyExact(shape.get(i) - 1, strides.get(i)));
    }
    return Math.addExact(last, 1);
  }

  /** Whether the elements stand in the storage row by row, without gaps. */
  boolean isContiguous() {
    long expected = 1;
    for (int i = shape.size() - 1; i >= 0; i--) {
      if (shape.get(i) != 1 && strides.get(i) != expected) {
        return elements() == 0;
      }
      expected *= shape.get(i);
    }
    return true;
  }
}
