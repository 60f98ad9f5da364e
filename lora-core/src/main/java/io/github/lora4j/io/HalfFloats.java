package io.github.lora4j.io;

/**
 * Exact conversions between fp32 and the 16-bit and 8-bit formats, rounding to nearest even as
 * torch does.
 *
 * @since 0.1.0
 */
public final class HalfFloats {

  private HalfFloats() {}

  /**
   * Widens an IEEE half.
   *
   * @param bits 16 bits
   * @return the same value
   */
  public static float fromF16(short bits) {
    int sign = (bits & 0x8000) << 16;
    int exponent = (bits >> 10) & 0x1F;
    int mantissa = bits & 0x3FF;
    if (exponent == 0x1F) {
      return Float.intBitsToFloat(sign | 0x7F800000 | (mantissa << 13));
    }
    if (exponent == 0) {
      float magnitude = mantissa * 0x1p-24f; // subnormals are multiples of 2^-24
      return sign == 0 ? magnitude : -magnitude;
    }
    return Float.intBitsToFloat(sign | ((exponent + 112) << 23) | (mantissa << 13));
  }

  /**
   * Rounds to an IEEE half.
   *
   * @param value any float
   * @return the nearest half, ties to even; infinity beyond 65,520
   */
  public static short toF16(float value) {
    int bits = Float.floatToRawIntBits(value);
    int sign = (bits >>> 16) & 0x8000;
    int rest = bits & 0x7FFFFFFF;
    if (rest > 0x7F800000) {
      return (short) (sign | 0x7E00);
    }
    if (rest >= 0x477FF000) { // 65520 and above round to infinity
      return (short) (sign | 0x7C00);
    }
    if (rest >= 0x38800000) { // normal halves: 2^-14 and above
      int rounded = rest + 0xFFF + ((rest >> 13) & 1);
      return (short) (sign | ((rounded - 0x38000000) >> 13));
    }
    // Adding 0.5 shifts a subnormal's bits to the end of the mantissa, rounded by the hardware.
    float shifted = Float.intBitsToFloat(rest) + 0.5f;
    return (short) (sign | (Float.floatToRawIntBits(shifted) - 0x3F000000));
  }

  /**
   * Widens a bf16.
   *
   * @param bits 16 bits
   * @return the same value
   */
  public static float fromBF16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /**
   * Rounds to a bf16.
   *
   * @param value any float
   * @return the nearest bf16, ties to even
   */
  public static short toBF16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) {
      return (short) 0x7FC0;
    }
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }

  static float fromE5M2(byte bits) {
    return fromF16((short) (bits << 8)); // the upper half of an IEEE half
  }

  static float fromE4M3(byte bits) {
    int exponent = (bits >> 3) & 0xF;
    int mantissa = bits & 7;
    float magnitude;
    if (exponent == 0xF && mantissa == 7) {
      magnitude = Float.NaN;
    } else if (exponent == 0) {
      magnitude = mantissa * 0x1p-9f;
    } else {
      magnitude = Math.scalb(1 + mantissa / 8f, exponent - 7);
    }
    return bits < 0 ? -magnitude : magnitude;
  }

  static float fromE4M3Fnuz(byte bits) {
    return fnuz(bits, 3, 8);
  }

  static float fromE5M2Fnuz(byte bits) {
    return fnuz(bits, 2, 16);
  }

  /** Finite only, no negative zero: its place is taken by the one NaN. */
  private static float fnuz(byte bits, int mantissaBits, int bias) {
    if (bits == (byte) 0x80) {
      return Float.NaN;
    }
    int exponent = (bits & 0x7F) >> mantissaBits;
    float fraction = (float) (bits & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
    float magnitude =
        exponent == 0 ? Math.scalb(fraction, 1 - bias) : Math.scalb(1 + fraction, exponent - bias);
    return bits < 0 ? -magnitude : magnitude;
  }

  static float fromE8M0(byte bits) {
    int exponent = bits & 0xFF;
    return exponent == 0xFF ? Float.NaN : (float) Math.scalb(1.0, exponent - 127);
  }
}
