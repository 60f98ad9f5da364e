package io.github.lora4j.io;

import java.util.Optional;

/**
 * Element types of safetensors files, in the order of the reference implementation: a writer places
 * the last types first. Complex numbers and types of less than a byte are not read.
 *
 * @since 0.1.0
 */
public enum DType {
  /** A byte, 0 or 1. */
  BOOL(1, false),
  /** Unsigned 8-bit integer. */
  U8(1, false),
  /** Signed 8-bit integer. */
  I8(1, false),
  /** 8-bit float, 5 bits of exponent, 2 of mantissa, with infinities. */
  F8_E5M2(1, true),
  /** 8-bit float, 4 bits of exponent, 3 of mantissa, finite only. */
  F8_E4M3(1, true),
  /** 8-bit power of two, the scale of block formats; 255 is NaN. */
  F8_E8M0(1, true),
  /** As {@link #F8_E4M3} with another bias and without a negative zero. */
  F8_E4M3FNUZ(1, true),
  /** As {@link #F8_E5M2} with another bias, finite only, without a negative zero. */
  F8_E5M2FNUZ(1, true),
  /** Signed 16-bit integer. */
  I16(2, false),
  /** Unsigned 16-bit integer. */
  U16(2, false),
  /** IEEE half precision. */
  F16(2, true),
  /** Brain floating point: the upper half of an fp32. */
  BF16(2, true),
  /** Signed 32-bit integer. */
  I32(4, false),
  /** Unsigned 32-bit integer. */
  U32(4, false),
  /** IEEE single precision. */
  F32(4, true),
  /** IEEE double precision. */
  F64(8, true),
  /** Signed 64-bit integer. */
  I64(8, false),
  /** Unsigned 64-bit integer. */
  U64(8, false);

  private final int bytes;
  private final boolean floatingPoint;

  DType(int bytes, boolean floatingPoint) {
    this.bytes = bytes;
    this.floatingPoint = floatingPoint;
  }

  /**
   * Size of an element.
   *
   * @return bytes
   */
  public int sizeInBytes() {
    return bytes;
  }

  /**
   * Whether the type holds fractions.
   *
   * @return false for integers and bool
   */
  public boolean isFloatingPoint() {
    return floatingPoint;
  }

  static Optional<DType> named(String name) {
    for (DType dtype : values()) {
      if (dtype.name().equals(name)) {
        return Optional.of(dtype);
      }
    }
    return Optional.empty();
  }
}
