package io.github.lora4j.djl.internal;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.io.ShardedWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.List;

/**
 * Puts arrays into the files of a checkpoint, in the type that they have, which may be one that DJL
 * does not know. They are read when the files are written, a piece at a time: the heap holds one.
 */
public final class WeightWriter {

  /** Elements of a piece: 8 MiB in half precision. */
  private static final long CHUNK = 1L << 22;

  private final Kernels kernels = Kernels.get();
  private final ShardedWriter files;
  private final ScalarType type;
  private final long chunk;

  /**
   * Writes into files.
   *
   * @param files to be written later, while the arrays are still open
   * @param type floating type of the matrices
   */
  public WeightWriter(ShardedWriter files, ScalarType type) {
    this(files, type, CHUNK);
  }

  WeightWriter(ShardedWriter files, ScalarType type, long chunk) {
    this.files = files;
    this.type = type;
    this.chunk = chunk;
  }

  /**
   * Adds a matrix.
   *
   * @param name its name in the file
   * @param shape (out, in)
   * @param values in the type of this writer
   */
  public void matrix(String name, List<Long> shape, NDArray values) {
    add(name, shape, values, type);
  }

  /**
   * Adds a vector: in the type of the matrices where that loses nothing, as in files that were
   * written in that type, else in fp32.
   *
   * @param name its name in the file
   * @param shape (out)
   * @param values fp32
   */
  public void vector(String name, List<Long> shape, NDArray values) {
    boolean same = kernels.test("survives", values, type.code());
    add(name, shape, values, same ? type : ScalarType.FP32);
  }

  private void add(String name, List<Long> shape, NDArray values, ScalarType as) {
    long elements = shape.stream().reduce(1L, Math::multiplyExact);
    files.add(name, as.dtype(), shape, channel -> write(channel, values, elements, as));
  }

  private void write(FileChannel channel, NDArray values, long elements, ScalarType as)
      throws IOException {
    for (long start = 0; start < elements; start += chunk) {
      long count = Math.min(chunk, elements - start);
      try (NDManager scope = Engines.newManager(Device.cpu())) {
        // direct: the one call of DJL's that does not ask for the type
        ByteBuffer bytes =
            kernels.one(scope, "piece_of", values, start, count, as.code()).toByteBuffer(true);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
      }
    }
  }
}
