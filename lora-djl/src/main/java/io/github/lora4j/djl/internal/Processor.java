package io.github.lora4j.djl.internal;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/**
 * What this machine's processor is good at, measured once per process at the first question: some
 * tens of milliseconds.
 */
public final class Processor {

  /** oneDNN must win by this much: a choice near a tie would differ from run to run. */
  private static final double MARGIN = 1.1;

  /** Tokens of a small training batch, width and width of a matrix: 1 billion operations. */
  private static final long[] PRODUCT = {256, 1024, 2048};

  /** Less work, because processors without bf16 emulate it slowly. */
  private static final long[] SMALL_PRODUCT = {64, 1024, 1024};

  private static final int TURNS = 3;

  private Processor() {}

  /**
   * Times of one product by both of libtorch's libraries, forward and backward together.
   *
   * @param mkl milliseconds by torch's own product: MKL where libtorch was built with it
   * @param oneDnn milliseconds by oneDNN, infinite where libtorch was built without it
   */
  public record Fp32Products(double mkl, double oneDnn) {

    /**
     * Whether oneDNN is the better choice.
     *
     * @return true if it is at least a tenth faster
     */
    public boolean oneDnnWins() {
      return oneDnn * MARGIN <= mkl;
    }
  }

  private static final class Fp32 {
    static final Fp32Products TIMES = measureFp32();
  }

  private static final class Bf16 {
    static final double SPEED = measureBf16();
  }

  /**
   * Compares the libraries that multiply fp32.
   *
   * @return their times
   */
  public static Fp32Products fp32Products() {
    return Fp32.TIMES;
  }

  /**
   * How much faster products of bf16 are than products of fp32.
   *
   * @return time of fp32 / time of bf16
   */
  public static double bf16Speed() {
    return Bf16.SPEED;
  }

  /**
   * Whether libtorch was built with oneDNN.
   *
   * @return false e.g. on macOS
   */
  public static boolean hasOneDnn() {
    return Kernels.get().test("onednn_present");
  }

  private static Fp32Products measureFp32() {
    if (!hasOneDnn()) {
      return new Fp32Products(0, Double.POSITIVE_INFINITY);
    }
    try (NDManager scope = Engines.newManager(Device.cpu())) {
      NDArray x = zeros(scope, ScalarType.FP32, PRODUCT[0], PRODUCT[1]);
      NDArray dy = zeros(scope, ScalarType.FP32, PRODUCT[0], PRODUCT[2]);
      NDArray weight = zeros(scope, ScalarType.FP32, PRODUCT[2], PRODUCT[1]);
      long[] best =
          Race.best(
              TURNS, () -> bothWays(x, dy, weight, false), () -> bothWays(x, dy, weight, true));
      return new Fp32Products(best[0] / 1e6, best[1] / 1e6);
    }
  }

  private static double measureBf16() {
    try (NDManager scope = Engines.newManager(Device.cpu())) {
      NDArray[] full = operands(scope, ScalarType.FP32);
      NDArray[] half = operands(scope, ScalarType.BF16);
      long[] best = Race.best(TURNS, () -> multiply(full), () -> multiply(half));
      return (double) best[0] / best[1];
    }
  }

  private static NDArray[] operands(NDManager scope, ScalarType type) {
    return new NDArray[] {
      zeros(scope, type, SMALL_PRODUCT[0], SMALL_PRODUCT[1]),
      zeros(scope, type, SMALL_PRODUCT[2], SMALL_PRODUCT[1])
    };
  }

  private static void multiply(NDArray[] operands) {
    Kernels.get().run("product", operands[0], operands[1], false);
  }

  private static void bothWays(NDArray x, NDArray dy, NDArray weight, boolean oneDnn) {
    Kernels.get().run("product", x, weight, oneDnn);
    Kernels.get().run("product_backward", dy, weight, oneDnn);
  }

  private static NDArray zeros(NDManager scope, ScalarType type, long rows, long columns) {
    return Kernels.get().one(scope, "zeros", new long[] {rows, columns}, "cpu", type.code());
  }
}
