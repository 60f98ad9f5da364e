package io.github.lora4j.djl;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import io.github.lora4j.djl.internal.Processor;
import io.github.lora4j.djl.internal.ScalarType;

/**
 * The type that a device computes in fastest, by what it says of itself or by measuring once.
 *
 * @param type bf16, fp16 or fp32
 * @param reason why, for people
 */
record FastType(ScalarType type, String reason) {

  /** From Ampere on GPUs multiply bf16. */
  private static final int AMPERE = 80;

  /** Below this gain the bits that bf16 gives away are not worth it. */
  private static final double WORTH = 1.5;

  static FastType of(Device device) {
    return device.isGpu()
        ? ofGpu(CudaUtils.getComputeCapability(device.getDeviceId()))
        : ofCpu(Processor.bf16Speed());
  }

  /**
   * Of a GPU.
   *
   * @param capability major and minor version as digits, e.g. {@code 75}
   */
  static FastType ofGpu(String capability) {
    ScalarType type = Integer.parseInt(capability) >= AMPERE ? ScalarType.BF16 : ScalarType.FP16;
    return new FastType(type, "the GPU has compute capability " + capability);
  }

  /**
   * Of a CPU.
   *
   * @param bf16Speed speed of bf16 products as a multiple of that of fp32
   */
  static FastType ofCpu(double bf16Speed) {
    ScalarType type = bf16Speed >= WORTH ? ScalarType.BF16 : ScalarType.FP32;
    String reason = "bf16 products run at %.1f times the speed of fp32".formatted(bf16Speed);
    return new FastType(type, reason);
  }
}
