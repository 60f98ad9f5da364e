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
 * it. Anything else is converted tensor by tensor, so that the peak is one tensor.
 */
public final class WeightReader implements AutoCloseable {

  private final Kernels kernels = Kernels.get();
  private final Safetensors files;
  private final NDManager manager;
  private final NDManager scratch;
  private final Map<Path, Map<DType, NDArray>> mappings = new HashMap<>();

  /**
   * Reads from open files.
   *
   * @param files the checkpoint; stays open as long as this reader
   * @param manager owner of every array read, on the device where they shall live
   */
  public WeightReader(Safetensors files, NDManager manager) {
    this.files = files;
    this.manager = manager;
    this.scratch = Engines.newManager(Device.cpu());
  }

  /**
   * Reads a tensor.
   *
   * @param entry which
   * @param type type to store it in
   * @return an array owned by the manager of this reader
   * @throws IOException if the file cannot be read
   */
  public NDArray read(TensorEntry entry, ScalarType type) throws IOException {
    boolean stays = !manager.getDevice().isGpu();
    NDArray stored = isMappable(entry) ? mapped(entry) : copied(entry);
    boolean same = isMappable(entry) ? entry.dtype() == type.dtype() : type == ScalarType.FP32;
    if (same && stays) {
      stored.attach(manager);
      return stored;
    }
    try (stored) {
      return kernels.one(
          manager, "place", stored, Kernels.deviceName(manager.getDevice()), type.code());
    }
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
    int size = entry.dtype().sizeInBytes();
    Map<DType, NDArray> views = mappings.computeIfAbsent(entry.file(), file -> new HashMap<>());
    NDArray flat = views.get(entry.dtype());
    if (flat == null) {
      long elements = Files.size(entry.file()) / size;
      int code = codeOf(entry.dtype());
      // The scratch manager only holds the handle; views made from it keep the mapping alive.
      flat = kernels.one(scratch, "map_file", entry.file().toString(), elements, code);
      views.put(entry.dtype(), flat);
    }
    long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
    return kernels.one(scratch, "slice_of", flat, entry.offset() / size, shape);
  }

  private static int codeOf(DType dtype) {
    for (ScalarType type : ScalarType.values()) {
      if (type.dtype() == dtype) {
        return type.code();
      }
    }
    throw new IllegalArgumentException("no kernel type for " + dtype);
  }

  /** Types without a kernel, and tensors at odd offsets: widened to fp32 on the heap. */
  private NDArray copied(TensorEntry entry) throws IOException {
    long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
    return scratch.create(files.floats(entry), new Shape(shape));
  }

  /** Gives back what reading needed; arrays read stay valid. */
  @Override
  public void close() {
    scratch.close();
  }
}
