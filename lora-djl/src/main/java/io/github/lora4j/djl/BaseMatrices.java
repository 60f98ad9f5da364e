package io.github.lora4j.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.model.Decoder;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.MatrixFactors;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TensorData;
import java.util.List;

/** What adapters start from: measures of the matrices of a base, which stay as they are. */
record BaseMatrices(Decoder decoder) {

  static BaseMatrices of(CausalLm model) {
    return new BaseMatrices(model.decoder());
  }

  /** ‖W + s·BA‖ of each row, (out); W of an embedding is its table turned. */
  TensorData rowNorms(AdapterLayout.Pair pair, TensorData a, TensorData b) {
    FrozenMatrix matrix = decoder.matrix(pair.path());
    try (NDManager scope = decoder.manager().newSubManager()) {
      NDArray norms = scope.create(new Shape(pair.outFeatures()), DataType.FLOAT32); // (out)
      if (isEmbedding(pair.path())) {
        matrix.columnNorms(norms, array(a, scope), array(b, scope), pair.scaling());
      } else {
        matrix.rowNorms(norms, array(a, scope), array(b, scope), pair.scaling());
      }
      return new TensorData(List.of((long) pair.outFeatures()), norms.toFloatArray());
    }
  }

  private boolean isEmbedding(String path) {
    return decoder.modules().modules().stream()
        .anyMatch(
            module -> module.path().equals(path) && module.kind() == TargetModule.Kind.EMBEDDING);
  }

  /** The leading part of the matrix of a linear map. */
  MatrixFactors factors(String path, MatrixFactors.Kind kind, int rank) {
    String kernel = kind == MatrixFactors.Kind.SINGULAR ? "singular_factors" : "triangular_factors";
    try (NDManager scope = decoder.manager().newSubManager()) {
      NDArray matrix = decoder.matrix(path).dequantised(scope); // (out, in)
      NDArray[] factors = Kernels.get().many(scope, kernel, matrix, rank); // (out, r), (r, in)
      return new MatrixFactors(data(factors[0]), data(factors[1]));
    }
  }

  private static TensorData data(NDArray matrix) {
    long[] shape = matrix.getShape().getShape();
    return new TensorData(List.of(shape[0], shape[1]), matrix.toFloatArray());
  }

  private static NDArray array(TensorData data, NDManager manager) {
    long[] shape = data.shape().stream().mapToLong(Long::longValue).toArray();
    return manager.create(data.values(), new Shape(shape));
  }
}
