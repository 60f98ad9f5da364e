package io.github.lora4j.djl.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class SubnormalsTest {

  /** Enough for libtorch to share an operation out among its threads. */
  private static final int MANY = 1 << 20;

  /** Not a constant, so that the compiler leaves the arithmetic to the processor. */
  private final float[] smallest = {Float.MIN_NORMAL};

  @BeforeEach
  void switchIsKnown() {
    assumeThat(Subnormals.canFlush())
        .as("Linux on x86-64 here; elsewhere nothing is switched")
        .isTrue();
  }

  @Test
  void kernelsInsideTakeThemForZeroOnAllThreads() throws Exception {
    assertThat(FreshThread.call(() -> Subnormals.flushed(SubnormalsTest::largestHalf))).isZero();
  }

  @Test
  void threadsThatLibtorchStartedBeforeDoToo() throws Exception {
    float largest =
        FreshThread.call(
            () -> {
              largestHalf();
              return Subnormals.flushed(SubnormalsTest::largestHalf);
            });

    assertThat(largest).isZero();
  }

  @Test
  void kernelsOutsideComputeWithThemOnTheCallersThread() {
    assertThat(Subnormals.<Float>flushed(() -> halfOfOne())).isZero();
    assertThat(halfOfOne()).isEqualTo(Float.MIN_NORMAL / 2);
  }

  @Test
  void javaComputesAsBeforeAfterwards() {
    Subnormals.flushed(SubnormalsTest::largestHalf);

    assertThat(smallest[0] * 0.5f).isEqualTo(Float.intBitsToFloat(0x0040_0000)).isNotZero();
  }

  @Test
  void javaComputesAsBeforeAfterAFailure() {
    assertThatThrownBy(
            () ->
                Subnormals.flushed(
                    () -> {
                      throw new IllegalStateException("out of memory");
                    }))
        .hasMessage("out of memory");

    assertThat(smallest[0] * 0.5f).isNotZero();
  }

  private static float largestHalf() {
    try (NDManager manager = Engines.newManager(Device.cpu())) {
      NDArray small = manager.full(new Shape(1, MANY), Float.MIN_NORMAL, DataType.FLOAT32);
      Kernels.get().run("scale_in_place", small, 0.5);
      return small.max().getFloat();
    }
  }

  private static float halfOfOne() {
    try (NDManager manager = Engines.newManager(Device.cpu())) {
      NDArray small = manager.full(new Shape(1), Float.MIN_NORMAL, DataType.FLOAT32);
      Kernels.get().run("scale_in_place", small, 0.5);
      return small.getFloat();
    }
  }
}
