package io.github.lora4j.djl;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.spi.ParameterInfo;
import java.io.IOException;
import java.lang.reflect.Field;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** Looks at where the weights of models lie, which no door shows. */
final class MemoryOf {

  private static final String SAME =
      """
      def same(self: __torch__.K, x: Tensor, y: Tensor) -> bool:
        return x.is_set_to(y)
      """;

  private MemoryOf() {}

  /** Whether two models of one shape have a parameter in the same memory, by its name. */
  static Map<String, Boolean> shared(Decoder one, Decoder other) throws IOException {
    Kernels kernels = Kernels.compile(SAME);
    Map<String, Boolean> shared = new LinkedHashMap<>();
    for (ParameterInfo parameter : one.modules().parameters()) {
      String name = parameter.name();
      shared.put(name, kernels.test("same", array(one, name), array(other, name)));
    }
    return shared;
  }

  private static NDArray array(Decoder model, String name) {
    Object weights = field(field(model, "parts"), "weights");
    Object matrix = ((Map<?, ?>) field(weights, "matrices")).get(name);
    return matrix instanceof FrozenMatrix
        ? (NDArray) field(matrix, "values")
        : (NDArray) Objects.requireNonNull(((Map<?, ?>) field(weights, "vectors")).get(name), name);
  }

  private static Object field(Object of, String name) {
    try {
      Field field = of.getClass().getDeclaredField(name);
      field.setAccessible(true);
      return Objects.requireNonNull(field.get(of), name);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("weights are kept elsewhere now", e);
    }
  }
}
