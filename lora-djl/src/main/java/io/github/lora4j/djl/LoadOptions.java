package io.github.lora4j.djl;

import ai.djl.Device;
import java.util.Objects;

/**
 * How to load a base model.
 *
 * @param precision storage of the matrices
 * @param device where the weights live and the layers run
 * @param matrixLibrary who multiplies fp32 on the CPU
 * @since 0.1.0
 */
public record LoadOptions(Precision precision, Device device, MatrixLibrary matrixLibrary) {

  /** Checks that nothing is missing. */
  public LoadOptions {
    Objects.requireNonNull(precision, "precision");
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(matrixLibrary, "matrixLibrary");
  }

  /**
   * Starts from fp32 on the CPU.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Collects options. */
  public static final class Builder {
    private Precision precision = Precision.FP32;
    private Device device = Device.cpu();
    private MatrixLibrary matrixLibrary = MatrixLibrary.MEASURED;

    private Builder() {}

    /**
     * Sets the storage of the matrices; fp32 if not called.
     *
     * @param precision storage
     * @return this
     */
    public Builder precision(Precision precision) {
      this.precision = precision;
      return this;
    }

    /**
     * Sets the device; the CPU if not called.
     *
     * @param device e.g. {@code Device.gpu()}
     * @return this
     */
    public Builder device(Device device) {
      this.device = device;
      return this;
    }

    /**
     * Fixes the library that multiplies fp32 on the CPU, e.g. for the same bits on every machine of
     * a kind; measured if not called.
     *
     * @param matrixLibrary which
     * @return this
     */
    public Builder matrixLibrary(MatrixLibrary matrixLibrary) {
      this.matrixLibrary = matrixLibrary;
      return this;
    }

    /**
     * Checks the options.
     *
     * @return the options
     */
    public LoadOptions build() {
      return new LoadOptions(precision, device, matrixLibrary);
    }
  }
}
