package io.github.lora4j.djl;

import ai.djl.Device;
import io.github.lora4j.hub.HubOptions;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How to load a base model.
 *
 * @param precision storage of the matrices
 * @param device where the weights live and the layers run
 * @param memoryBudget most that the process shall hold resident for the base and a training on it,
 *     mapped weights included, bytes; on a GPU of the GPU's memory. Empty lets the machine decide
 * @param matrixLibrary who multiplies fp32 on the CPU
 * @param hub how to use the hub, for a base that is an id there; empty takes it from the
 *     environment
 * @since 0.1.0
 */
public record LoadOptions(
    Precision precision,
    Device device,
    OptionalLong memoryBudget,
    MatrixLibrary matrixLibrary,
    Optional<HubOptions> hub) {

  /** Checks that nothing is missing and the budget positive. */
  public LoadOptions {
    Objects.requireNonNull(precision, "precision");
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(matrixLibrary, "matrixLibrary");
    Objects.requireNonNull(hub, "hub");
    memoryBudget.ifPresent(
        bytes -> {
          if (bytes <= 0) {
            throw new IllegalArgumentException("memoryBudget must be positive, got " + bytes);
          }
        });
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
    private OptionalLong memoryBudget = OptionalLong.empty();
    private MatrixLibrary matrixLibrary = MatrixLibrary.MEASURED;
    private Optional<HubOptions> hub = Optional.empty();

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
     * Sets the most memory that the process shall hold for the base and a training on it. Weights
     * that alone exceed it are refused before they are read, a training before its first step;
     * within it, {@code Recompute.AUTO} keeps as much as fits. If not called, it is what the
     * machine has free when a training begins, and nothing is refused.
     *
     * @param bytes resident memory, mapped weights included
     * @return this
     */
    public Builder memoryBudget(long bytes) {
      this.memoryBudget = OptionalLong.of(bytes);
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
     * Sets how to use the hub, for a base that is an id there: revision, token, cache, progress,
     * whether the network may be used; from the environment if not called.
     *
     * @param hub e.g. {@code HubOptions.builder().revision("v1.0").build()}
     * @return this
     */
    public Builder hub(HubOptions hub) {
      this.hub = Optional.of(hub);
      return this;
    }

    /**
     * Checks the options.
     *
     * @return the options
     */
    public LoadOptions build() {
      return new LoadOptions(precision, device, memoryBudget, matrixLibrary, hub);
    }
  }
}
