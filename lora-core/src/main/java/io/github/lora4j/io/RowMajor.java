package io.github.lora4j.io;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Puts the elements of a strided view one after the other. */
final class RowMajor {

  private RowMajor() {}

  /**
   * Gathers all elements.
   *
   * @param span the bytes from the view's first element to its last
   * @param length bytes of all elements
   */
  static ByteBuffer of(TorchTensor view, ByteBuffer span, int length) {
    int size = view.dtype().sizeInBytes();
    int dimensions = view.shape().size();
    long[] shape = view.shape().stream().mapToLong(s -> s).toArray();
    long[] strides = view.strides().stream().mapToLong(s -> s * size).toArray();
    byte[] out = new byte[length];
    long[] index = new long[dimensions];
    int first = span.position();
    long from = 0;
    for (int to = 0; to < length; to += size) {
      span.get(first + (int) from, out, to, size);
      for (int d = dimensions - 1; d >= 0; d--) {
        from += strides[d];
        if (++index[d] < shape[d]) {
          break;
        }
        from -= strides[d] * shape[d];
        Arrays.fill(index, d, d + 1, 0);
      }
    }
    return ByteBuffer.wrap(out);
  }
}
