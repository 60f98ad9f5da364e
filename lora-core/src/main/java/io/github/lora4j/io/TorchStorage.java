package io.github.lora4j.io;

/**
 * A piece of memory that tensors lie in.
 *
 * @param key what the file calls it
 * @param dtype of its elements; {@code U8} where it is of bytes
 * @param ofBytes whether its tensors bring their types along
 * @param elements how many
 */
record TorchStorage(String key, DType dtype, boolean ofBytes, long elements) {

  /** Longest storage whose bytes can be counted. */
  static long mostElements(DType dtype) {
    return Long.MAX_VALUE / dtype.sizeInBytes();
  }

  long bytes() {
    return elements * dtype.sizeInBytes();
  }
}
