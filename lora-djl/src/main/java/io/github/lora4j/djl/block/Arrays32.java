package io.github.lora4j.djl.block;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.spi.TensorData;
import java.util.Arrays;

/** Between DJL's arrays and the core's fp32 tensors. */
final class Arrays32 {

  private Arrays32() {}

  static TensorData read(NDArray array) {
    long[] shape = array.getShape().getShape();
    try (NDArray floats = array.toType(DataType.FLOAT32, true)) {
      return new TensorData(Arrays.stream(shape).boxed().toList(), floats.toFloatArray());
    }
  }

  static NDArray write(NDManager manager, TensorData tensor) {
    long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
    return manager.create(tensor.values(), new Shape(shape));
  }
}
