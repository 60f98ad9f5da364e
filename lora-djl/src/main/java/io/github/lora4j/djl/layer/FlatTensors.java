package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.spi.TensorData;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Names and shapes of the tensors that lie in a flat buffer one behind the other. */
final class FlatTensors {

  private final Map<String, List<Long>> shapes = new LinkedHashMap<>();
  private long elements;

  private FlatTensors() {}

  /** In the order of the map. */
  static FlatTensors of(Map<String, TensorData> tensors) {
    FlatTensors flat = new FlatTensors();
    tensors.forEach(
        (name, tensor) -> {
          flat.shapes.put(name, tensor.shape());
          flat.elements += tensor.elements();
        });
    return flat;
  }

  long elements() {
    return elements;
  }

  /** Views of all tensors by one call: there are many, and an adapter is to load fast. */
  Map<String, NDArray> slices(NDArray flat, NDManager manager) {
    Map<String, NDArray> slices = new LinkedHashMap<>();
    if (shapes.isEmpty()) {
      return slices;
    }
    long[] dims = shapes.values().stream().mapToLong(List::size).toArray();
    long[] sizes =
        shapes.values().stream().flatMap(List::stream).mapToLong(Long::longValue).toArray();
    NDArray[] arrays = Kernels.get().many(manager, "slices_of", flat, dims, sizes);
    int at = 0;
    for (String name : shapes.keySet()) {
      slices.put(name, arrays[at++]);
    }
    return slices;
  }

  /** Copies of all tensors on the heap. */
  Map<String, TensorData> read(NDArray flat) {
    float[] all = flat.toFloatArray();
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    int start = 0;
    for (Map.Entry<String, List<Long>> entry : shapes.entrySet()) {
      int end = start + count(entry.getValue());
      tensors.put(
          entry.getKey(), new TensorData(entry.getValue(), Arrays.copyOfRange(all, start, end)));
      start = end;
    }
    return tensors;
  }

  private static int count(List<Long> shape) {
    return Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact));
  }

  /**
   * Refuses tensors that are not of these names and shapes.
   *
   * @throws IllegalArgumentException for the first one
   */
  void check(Map<String, TensorData> tensors) {
    for (Map.Entry<String, List<Long>> entry : shapes.entrySet()) {
      TensorData tensor = tensors.get(entry.getKey());
      if (tensor == null || !tensor.shape().equals(entry.getValue())) {
        throw new IllegalArgumentException(
            "tensor %s: wanted shape %s, got %s"
                .formatted(entry.getKey(), entry.getValue(), tensor));
      }
    }
  }

  /** Writes checked tensors where an array on the CPU has its numbers. */
  void put(Map<String, TensorData> tensors, NDArray flat) {
    if (shapes.isEmpty()) {
      return;
    }
    ByteBuffer room = flat.toByteBuffer(true).order(ByteOrder.nativeOrder());
    shapes.keySet().forEach(name -> Objects.requireNonNull(tensors.get(name)).writeTo(room));
  }
}
