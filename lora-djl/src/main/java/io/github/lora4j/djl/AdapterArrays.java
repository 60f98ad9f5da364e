package io.github.lora4j.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.spi.TensorData;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * An adapter's tensors as arrays of DJL, for those who compute with them.
 *
 * <pre>{@code
 * try (NDManager manager = NDManager.newBaseManager()) {
 *   Map<String, NDArray> arrays = AdapterArrays.copy(peft, manager);
 *   arrays.replaceAll((name, array) -> name.endsWith(".lora_B") ? array.mul(0.5) : array);
 *   AdapterArrays.replace(peft, arrays);      // at one moment, under live traffic
 * }
 * }</pre>
 *
 * <p>Both ways are copies: the memory that requests compute with can go away at any moment, when
 * the view is closed or replaced, and writing into it would show a request half of a change.
 *
 * @since 0.1.0
 */
public final class AdapterArrays {

  /** Types that the engine can convert; others, bf16 among them, end the process in native code. */
  private static final Set<DataType> READABLE =
      Set.of(DataType.FLOAT16, DataType.FLOAT32, DataType.FLOAT64);

  private AdapterArrays() {}

  /**
   * Copies an adapter's tensors, all of one moment.
   *
   * @param view any view; it may be closed afterwards
   * @param manager owner of the arrays, on whose device they are made
   * @return by name in memory, {@code PATH.lora_A} (r, in), {@code PATH.lora_B} (out, r) and biases
   *     (out), fp32; the map and the arrays are the caller's to change
   * @throws IllegalStateException if the view is closed
   */
  public static Map<String, NDArray> copy(PeftModel<?> view, NDManager manager) {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    view.tensors()
        .forEach(
            (name, tensor) -> {
              long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
              NDArray array = manager.create(tensor.values(), new Shape(shape));
              array.setName(name);
              arrays.put(name, array);
            });
    return arrays;
  }

  /**
   * Puts other values in the place of an adapter's, at one moment: a request that has begun
   * finishes on the old ones.
   *
   * @param view a view for inference
   * @param arrays all of its tensors, of their shapes, in fp16, fp32 or fp64; copied, so they stay
   *     the caller's
   * @throws LoraException if one is missing, of another shape, foreign or not finite; all are
   *     listed, and the view is as it was
   * @throws IllegalArgumentException if one is of another type
   * @throws IllegalStateException if the view is closed or can be trained
   */
  public static void replace(PeftModel<?> view, Map<String, NDArray> arrays) {
    replace(view, view.config(), arrays);
  }

  /**
   * Puts an adapter of another configuration in the place of a view's: rank, alpha and targets may
   * differ.
   *
   * @param view a view for inference
   * @param config what the arrays adapt
   * @param arrays exactly those that the configuration means, in fp16, fp32 or fp64; copied, so
   *     they stay the caller's
   * @throws LoraException if one is missing, of another shape, foreign or not finite, or the
   *     configuration does not fit the base; all is listed, and the view is as it was
   * @throws IllegalArgumentException if one is of another type
   * @throws IllegalStateException if the view is closed or can be trained
   */
  public static void replace(PeftModel<?> view, LoraConfig config, Map<String, NDArray> arrays) {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    arrays.forEach((name, array) -> tensors.put(name, read(name, array)));
    view.replaceWith(config, tensors);
  }

  private static TensorData read(String name, NDArray array) {
    if (!READABLE.contains(array.getDataType())) {
      throw new IllegalArgumentException(
          "array '%s' is of type %s, wanted one of FLOAT16, FLOAT32 and FLOAT64; convert it first"
              .formatted(name, array.getDataType().name()));
    }
    try (NDArray floats = array.toType(DataType.FLOAT32, true)) {
      return new TensorData(
          Arrays.stream(array.getShape().getShape()).boxed().toList(), floats.toFloatArray());
    }
  }
}
