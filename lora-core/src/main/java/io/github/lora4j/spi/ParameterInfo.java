package io.github.lora4j.spi;

import java.util.List;

/**
 * A parameter of the base model: its name in the checkpoint and its shape. Tied parameters are
 * listed once.
 *
 * @param name e.g. {@code transformer.h.0.self_attention.query_key_value.bias}
 * @param shape dimensions, outermost first
 * @since 0.1.0
 */
public record ParameterInfo(String name, List<Long> shape) {

  /** Copies the shape. */
  public ParameterInfo {
    shape = List.copyOf(shape);
  }

  /**
   * Number of elements.
   *
   * @return the product of the shape
   */
  public long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }
}
