package io.github.lora4j.djl.internal;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.io.DType;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Turns entries of a checkpoint into arrays. A tensor that is stored in the wanted type and stays
 * on the CPU is a view of the mapped file: nothing is read and nothing copied until a layer touches
 * it. Anything else is converted, moved and dropped chunk by chunk: host memory holds the results
 * that live there and one chunk.
 */
public final class WeightReader implements AutoCloseable {

  /** Elements of a chunk: 16 MiB in fp32. */
  private static final long CHUNK = 1L << 22;

  private final Kernels kernels = Kernels.get();
  private final Safetensors files;
  private final NDManager manager;
  private final NDManager scratch;
  private final long chunk;
  private final Map<Path, Map<DType, NDArray>> mappings = new HashMap<>();

  /**
   * Reads from open files.
   *
   * @param files the checkpoint; stays open as long as this reader
   * @param manager owner of every array read, on the device where they shall live
   */
  public WeightReader(Safetensors files, NDManager manager) {
    this(files, manager, CHUNK);
  }

  WeightReader(Safetensors files, NDManager manager, long chunk) {
    this.files = files;
    this.manager = manager;
    this.chunk = chunk;
    this.scratch = Engines.newManager(Device.cpu());
  }

  /**
   * A matrix in whole numbers: element (i, j) is {@code values[i][j] * scales[i]}.
   *
   * @param values (out, in), int8
   * @param scales (out), fp32
   */
  public record Quantised(NDArray values, NDArray scales) {}

  /**
   * Reads a tensor.
   *
   * @param entry which
   * @param type floating type to store it in
   * @return an array owned by the manager of this reader
   * @throws IOException if the file cannot be read
   */
  public NDArray read(TensorEntry entry, ScalarType type) throws IOException {
    boolean stays = !manager.getDevice().isGpu();
    if (stays && isMappable(entry) && entry.dtype() == type.dtype()) {
      NDArray view = mapped(entry);
      view.attach(manager);
      return view;
    }
    NDArray whole = empty(type, shape(entry));
    forEachPiece(
        entry,
        new long[] {entry.elements()},
        (piece, start) -> kernels.run("place", whole, piece, start));
    return whole;
  }

  /**
   * Reads a matrix and rounds each of its rows to whole multiples of the row's scale, which is its
   * largest magnitude / 127.
   *
   * @param entry a tensor of two dimensions
   * @return arrays owned by the manager of this reader
   * @throws IOException if the file cannot be read
   */
  public Quantised readInt8(TensorEntry entry) throws IOException {
    NDArray values = empty(ScalarType.INT8, shape(entry)); // (out, in)
    NDArray scales = empty(ScalarType.FP32, entry.shape().get(0)); // (out)
    forEachPiece(
        entry,
        shape(entry),
        (piece, start) -> kernels.run("place_int8", values, scales, piece, start));
    return new Quantised(values, scales);
  }

  /** Takes a piece of a tensor. */
  @FunctionalInterface
  private interface Piece {
    void accept(NDArray piece, long start);
  }

  /** Calls back for runs of whole rows of a tensor, seen in this shape, which then are let go. */
  private void forEachPiece(TensorEntry entry, long[] shape, Piece use) throws IOException {
    long width = shape.length == 1 ? 1 : shape[1];
    long rows = width == 0 ? 0 : Math.max(1, chunk / width);
    for (long start = 0; start < shape[0] && rows > 0; start += rows) {
      long[] piece = shape.clone();
      piece[0] = Math.min(rows, shape[0] - start);
      try (NDManager scope = scratch.newSubManager()) {
        use.accept(piece(entry, start * width, piece, scope), start);
      }
    }
  }

  private NDArray piece(TensorEntry entry, long from, long[] shape, NDManager scope)
      throws IOException {
    if (isMappable(entry)) {
      // A mapping of its own: pages of one that lived on would count as memory of this process.
      NDArray flat = map(entry, scope);
      long first = entry.offset() / entry.dtype().sizeInBytes();
      return kernels.one(scope, "slice_of", flat, first + from, shape);
    }
    // types without a kernel, and tensors at odd offsets
    int count = Math.toIntExact(new Shape(shape).size());
    return scope.create(files.floats(entry, from, count), new Shape(shape));
  }

  private NDArray empty(ScalarType type, long... shape) {
    String device = Kernels.deviceName(manager.getDevice());
    return kernels.one(manager, "empty", shape, device, type.code());
  }

  private static long[] shape(TensorEntry entry) {
    return entry.shape().stream().mapToLong(Long::longValue).toArray();
  }

  private static boolean isMappable(TensorEntry entry) {
    boolean known =
        switch (entry.dtype()) {
          case F16, BF16, F32 -> true;
          default -> false;
        };
    return known && entry.offset() % entry.dtype().sizeInBytes() == 0 && entry.bytes() > 0;
  }

  private NDArray mapped(TensorEntry entry) throws IOException {
    Map<DType, NDArray> views = mappings.computeIfAbsent(entry.file(), file -> new HashMap<>());
    NDArray flat = views.get(entry.dtype());
    if (flat == null) {
      // The scratch manager only holds the handle; views made from it keep the mapping alive.
      flat = map(entry, scratch);
      views.put(entry.dtype(), flat);
    }
    long first = entry.offset() / entry.dtype().sizeInBytes();
    return kernels.one(scratch, "slice_of", flat, first, shape(entry));
  }

  /** The whole file as one array of the entry's type. */
  private NDArray map(TensorEntry entry, NDManager owner) throws IOException {
    long elements = Files.size(entry.file()) / entry.dtype().sizeInBytes();
    int code = codeOf(entry.dtype());
    return kernels.one(owner, "map_file", entry.file().toString(), elements, code);
  }

  private static int codeOf(DType dtype) {
    for (ScalarType type : ScalarType.values()) {
      if (type.dtype() == dtype) {
        return type.code();
      }
    }
    throw new IllegalArgumentException("no kernel type for " + dtype);
  }

  /** Gives back what reading needed; arrays read stay valid. */
  @Override
  public void close() {
    scratch.close();
  }
}
