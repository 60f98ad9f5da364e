package io.github.lora4j.djl;

import ai.djl.Device;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.MatrixProducts;
import io.github.lora4j.djl.internal.Processor;
import io.github.lora4j.djl.internal.ScalarType;

/**
 * Which of libtorch's two libraries multiplies matrices where layers compute in fp32 on the CPU;
 * elsewhere there is one, and no choice. Their results differ in the last bits: a training is
 * resumed with the library that it was begun with.
 *
 * @since 0.1.0
 */
public enum MatrixLibrary {
  /**
   * The faster one. Both are timed once per process, when the first product is asked for, in some
   * tens of milliseconds; oneDNN is chosen if it is at least a tenth faster.
   */
  MEASURED,
  /** torch's own product: MKL on x86-64, elsewhere what libtorch was built with. */
  MKL,
  /** oneDNN; not on macOS, for which libtorch is built without it. */
  ONEDNN;

  MatrixProducts products(ScalarType compute, Device device) {
    if (this == ONEDNN && !Processor.hasOneDnn()) {
      throw new LoraException(
          "matrix library ONEDNN is wanted, but this libtorch was built without it; use MKL or"
              + " MEASURED");
    }
    if (compute != ScalarType.FP32 || device.isGpu()) {
      return MatrixProducts.only();
    }
    return switch (this) {
      case MEASURED -> MatrixProducts.measured();
      case MKL -> MatrixProducts.by(MatrixProducts.Library.MKL);
      case ONEDNN -> MatrixProducts.by(MatrixProducts.Library.ONEDNN);
    };
  }

  static MatrixLibrary of(MatrixProducts.Library library) {
    return valueOf(library.name());
  }
}
