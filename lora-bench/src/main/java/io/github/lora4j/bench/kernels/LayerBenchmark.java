package io.github.lora4j.bench.kernels;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.bench.BareKernels;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A layer forward, or forward and backward, and the bare operations of the same sizes: what the
 * layer costs above them is read from one run.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 5, time = 2)
public abstract class LayerBenchmark {

  /** Path of the module that the adapter stands at. */
  static final String ADAPTED = "query_key_value";

  private static final int RANK = 8;

  /** Sizes: {@code bloom-560m}, or {@code tiny} to see that it runs. */
  @Param("bloom-560m")
  public String shape;

  /** A name of {@link ScalarType}. */
  @Param({"fp32", "bf16"})
  public String precision;

  private final SplittableRandom random = new SplittableRandom(1);
  private NDManager manager;
  private Kernels bare;
  private ScalarType type;
  private Sizes sizes;
  private AdapterWeights adapter;
  private TokenBatch batch;

  /**
   * Makes weights and inputs.
   *
   * @throws IOException if the kernels cannot be read
   */
  @Setup(Level.Trial)
  public void setUp() throws IOException {
    manager = Engines.newManager(Device.cpu());
    bare = BareKernels.load();
    type = ScalarType.valueOf(precision.toUpperCase(Locale.ROOT));
    sizes = Sizes.of(shape);
    adapter = pairAt(ADAPTED, sizes.hidden(), 3 * sizes.hidden());
    int[][] rows = new int[sizes.rows()][];
    Arrays.setAll(rows, row -> random.ints(sizes.tokens(), 0, sizes.vocabulary()).toArray());
    batch = batch(List.of(rows));
    prepare(sizes);
  }

  /** Gives the memory back. */
  @TearDown(Level.Trial)
  public void tearDown() {
    adapter.close();
    manager.close();
  }

  /** The layer without anything kept. */
  @Benchmark
  public void forward() {
    try (Pass pass = Pass.training(manager, batch, adapter, 0)) {
      layer(pass, Tape.off(), false);
    }
  }

  /** The layer both ways. */
  @Benchmark
  public void forwardAndBackward() {
    try (Pass pass = Pass.training(manager, batch, adapter, 0);
        Tape tape = Tape.recording(pass.manager())) {
      layer(pass, tape, true);
    }
  }

  /** What forward cannot do without. */
  @Benchmark
  public void bareForward() {
    try (NDManager scope = manager.newSubManager()) {
      bare(scope, false);
    }
  }

  /** What both ways cannot do without. */
  @Benchmark
  public void bareForwardAndBackward() {
    try (NDManager scope = manager.newSubManager()) {
      bare(scope, true);
    }
  }

  abstract void prepare(Sizes sizes);

  abstract void layer(Pass pass, Tape tape, boolean backward);

  abstract void bare(NDManager scope, boolean backward);

  /** Labels of a batch; all tokens, unless a layer is about fewer. */
  TokenBatch batch(List<int[]> rows) {
    return TokenBatch.of(rows, rows);
  }

  /** A random array in the precision of the run. */
  final NDArray array(long... sizes) {
    return bare.one(manager, "random", sizes, type.code());
  }

  /** A random vector in fp32, as biases and the weights of norms are. */
  final NDArray vector(long size) {
    return bare.one(manager, "random", new long[] {size}, ScalarType.FP32.code());
  }

  final NDManager manager() {
    return manager;
  }

  final NDArray bare(NDManager scope, String kernel, Object... arguments) {
    return bare.one(scope, kernel, arguments);
  }

  /** Another handle on an array: what a layer keeps is closed with its tape. */
  static NDArray lend(NDArray array, Pass pass) {
    return Kernels.get().one(pass.manager(), "rows_of", array, 0, array.getShape().get(0));
  }

  private AdapterWeights pairAt(String path, int in, int out) {
    AdapterLayout.Pair pair = new AdapterLayout.Pair(path, in, out, RANK, 2, 0);
    Map<String, TensorData> values =
        Map.of(pair.nameOfA(), matrix(RANK, in), pair.nameOfB(), matrix(out, RANK));
    return new AdapterWeights(new AdapterLayout(List.of(pair), values), Device.cpu(), true);
  }

  private TensorData matrix(int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (0.02 * (random.nextDouble() - 0.5));
    }
    return TensorData.matrix(rows, columns, values);
  }
}
