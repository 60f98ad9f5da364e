package io.github.lora4j.djl.model;

import java.math.BigDecimal;

/** Prints a number as Python does, so that trees equal PyTorch's. */
public final class PythonFloat {

  private PythonFloat() {}

  /** Small numbers have an exponent of at least two digits: {@code 1e-05}, not {@code 1.0E-5}. */
  /**
   * Prints a number.
   *
   * @param value any finite number
   * @return the shortest text that Python reads back as it
   */
  public static String repr(double value) {
    if (Math.abs(value) >= 1e-4 || value == 0) {
      return Double.toString(value);
    }
    BigDecimal shortest = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    String digits = shortest.unscaledValue().abs().toString();
    int exponent = digits.length() - 1 - shortest.scale();
    String fraction = digits.length() == 1 ? "" : "." + digits.substring(1);
    return "%s%s%se-%02d"
        .formatted(value < 0 ? "-" : "", digits.charAt(0), fraction, Math.abs(exponent));
  }
}
