package io.github.lora4j.spi;

import java.util.List;
import java.util.Objects;

/**
 * What a model consists of: the flat form of PyTorch's module tree.
 *
 * @param modelType the checkpoint's {@code model_type}, e.g. {@code bloom}; empty if there is none
 * @param baseName what an adapter's {@code base_model_name_or_path} says; empty if unknown
 * @param modules every module in PyTorch's order, parents before children; the first is the root
 *     with an empty path
 * @param parameters every parameter in PyTorch's order, tied ones once
 * @since 0.1.0
 */
public record ModuleTree(
    String modelType, String baseName, List<TargetModule> modules, List<ParameterInfo> parameters) {

  /** Copies the lists. */
  public ModuleTree {
    Objects.requireNonNull(modelType, "modelType");
    Objects.requireNonNull(baseName, "baseName");
    modules = List.copyOf(modules);
    parameters = List.copyOf(parameters);
    if (modules.isEmpty() || !modules.get(0).path().isEmpty()) {
      throw new IllegalArgumentException("the first module must be the root with an empty path");
    }
  }

  /**
   * The class of the model.
   *
   * @return the type of the root, e.g. {@code BloomForCausalLM}
   */
  public String modelClass() {
    return modules.get(0).type();
  }

  /**
   * Elements in all parameters of the base.
   *
   * @return the count
   */
  public long parameterCount() {
    return parameters.stream().mapToLong(ParameterInfo::elements).sum();
  }

  /**
   * Memory of all parameters: matrices as they are stored, one-dimensional ones in fp32.
   *
   * @param elementBytes bytes of an element of a matrix; of one byte, each row has an fp32 scale
   * @return bytes
   */
  public long weightBytes(int elementBytes) {
    return parameters.stream().mapToLong(p -> weightBytes(p, elementBytes)).sum();
  }

  private static long weightBytes(ParameterInfo parameter, int elementBytes) {
    if (parameter.shape().size() == 1) {
      return parameter.elements() * Float.BYTES;
    }
    long scales = elementBytes == 1 ? parameter.shape().get(0) * Float.BYTES : 0;
    return parameter.elements() * elementBytes + scales;
  }

  /**
   * Prints the tree as PyTorch prints it, repeated children collapsed: {@code (0-29): 30 x
   * BloomBlock(}.
   *
   * @return several lines, no line break at the end
   */
  @Override
  public String toString() {
    return TreePrinter.print(modules);
  }
}
