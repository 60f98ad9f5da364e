package io.github.lora4j.djl.internal;

import io.github.lora4j.io.DType;

/** Number types by libtorch's code: what kernels are told to store or compute in. */
public enum ScalarType {
  /** 8-bit integers, for storing matrices: every row has a scale of its own. */
  INT8(1, 1, DType.I8),
  /** 16-bit half precision. */
  FP16(5, 2, DType.F16),
  /** 32-bit single precision. */
  FP32(6, 4, DType.F32),
  /** 16-bit brain floating point. */
  BF16(15, 2, DType.BF16);

  private final int code;
  private final int bytes;
  private final DType dtype;

  ScalarType(int code, int bytes, DType dtype) {
    this.code = code;
    this.bytes = bytes;
    this.dtype = dtype;
  }

  /**
   * libtorch's {@code c10::ScalarType}.
   *
   * @return the code
   */
  public int code() {
    return code;
  }

  /**
   * Size of an element.
   *
   * @return bytes
   */
  public int bytes() {
    return bytes;
  }

  /**
   * The same type in a safetensors file.
   *
   * @return the file's type
   */
  public DType dtype() {
    return dtype;
  }
}
