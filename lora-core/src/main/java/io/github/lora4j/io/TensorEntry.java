package io.github.lora4j.io;

import java.nio.file.Path;
import java.util.List;

/**
 * Where a tensor stands in a file.
 *
 * @param name its name
 * @param dtype element type
 * @param shape dimensions, outermost first; empty for a scalar
 * @param file the file; for bytes in memory, a path that is no file's
 * @param offset first byte of the first element, counted from the start of the file; in a file of
 *     {@code torch.save} the others may be scattered
 * @param bytes length of the data
 * @since 0.1.0
 */
public record TensorEntry(
    String name, DType dtype, List<Long> shape, Path file, long offset, long bytes) {

  /** Copies the shape. */
  public TensorEntry {
    shape = List.copyOf(shape);
  }

  /**
   * Number of elements.
   *
   * @return the product of the shape
   */
  public long elements() {
    return bytes / dtype.sizeInBytes();
  }
}
