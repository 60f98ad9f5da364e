package io.github.lora4j.bench.kernels;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.bench.BareKernels;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** The optimiser over all values of an adapter, against copying them once. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 5, time = 2)
public class AdamWBenchmark {

  /** Values of the adapter; those of r 8 on query_key_value of bloom-560m. */
  @Param("786432")
  public long elements;

  private NDManager manager;
  private Kernels bare;
  private final NDArray[] arrays = new NDArray[5];

  /**
   * Makes values, gradients, both moments and the mask of weight decay.
   *
   * @throws IOException if the kernels cannot be read
   */
  @Setup
  public void setUp() throws IOException {
    manager = Engines.newManager(Device.cpu());
    bare = BareKernels.load();
    for (int i = 0; i < arrays.length; i++) {
      arrays[i] =
          bare.one(manager, "random", new long[] {elements}, ScalarType.FP32.code()).square();
    }
  }

  /** Gives the memory back. */
  @TearDown
  public void tearDown() {
    manager.close();
  }

  /** One step. */
  @Benchmark
  public void update() {
    Kernels.get()
        .run(
            "adamw", arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], 1e-9, 0.9, 0.999, 1e-8,
            0.01, 10);
  }

  /** Reading and writing as many values once. */
  @Benchmark
  public void bareCopy() {
    try (NDManager scope = manager.newSubManager()) {
      bare.one(scope, "copy", arrays[0]);
    }
  }
}
