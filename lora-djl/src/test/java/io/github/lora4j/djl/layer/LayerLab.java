package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.MatrixProducts;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TensorData;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * What the tests of layers share: seeded arrays, batches, adapters, and the two judges of a
 * backward pass: libtorch's autograd on plain operators, and central differences.
 */
final class LayerLab implements AutoCloseable {

  /** Step of the differences: rounding (1e-7 / h) and truncation (h²) both stay below 1e-4. */
  private static final float STEP = 1e-2f;

  private static final int PASSES = 20;

  final NDManager manager = Engines.newManager(Device.cpu());
  private final SplittableRandom random;
  private final List<AdapterWeights> adapters = new ArrayList<>();

  LayerLab(long seed) {
    random = new SplittableRandom(seed);
  }

  /** Standard normal values. */
  NDArray normal(long... shape) {
    return manager.create(values(Math.toIntExact(new Shape(shape).size()), 1), new Shape(shape));
  }

  private float[] values(int count, double deviation) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      double radius = Math.sqrt(-2 * Math.log(1 - random.nextDouble()));
      values[i] = (float) (deviation * radius * Math.cos(2 * Math.PI * random.nextDouble()));
    }
    return values;
  }

  /** A batch of random sequences; every token is its own label. */
  TokenBatch batch(int vocabulary, int... lengths) {
    List<int[]> rows = new ArrayList<>();
    for (int length : lengths) {
      rows.add(random.ints(length, 0, vocabulary).toArray());
    }
    return TokenBatch.of(rows, rows);
  }

  AdapterLayout.Pair pair(String path, int in, int out, int rank, double dropout) {
    return new AdapterLayout.Pair(path, in, out, rank, 1.5, dropout);
  }

  /** An adapter whose A and B are all different from zero. */
  AdapterWeights adapter(boolean trainable, AdapterLayout.Pair... pairs) {
    return adapter(trainable, Map.of(), pairs);
  }

  /** An adapter with biases of its own, by name and width. */
  AdapterWeights adapter(
      boolean trainable, Map<String, Integer> biases, AdapterLayout.Pair... pairs) {
    Map<String, TensorData> values = new LinkedHashMap<>();
    for (AdapterLayout.Pair pair : pairs) {
      values.put(pair.nameOfA(), matrix(pair.rank(), pair.inFeatures()));
      values.put(pair.nameOfB(), matrix(pair.outFeatures(), pair.rank()));
    }
    biases.forEach(
        (name, width) ->
            values.put(name, new TensorData(List.of((long) width), values(width, 0.5))));
    AdapterLayout layout = new AdapterLayout(List.of(pairs), values);
    AdapterWeights adapter = new AdapterWeights(layout, Device.cpu(), trainable);
    adapters.add(adapter);
    return adapter;
  }

  private TensorData matrix(int rows, int columns) {
    return TensorData.matrix(rows, columns, values(rows * columns, 0.5));
  }

  /** A copy of a tensor of an adapter, to be differentiated by autograd. */
  NDArray copyOf(AdapterWeights adapter, String name) {
    TensorData data = data(adapter.read(), name);
    long[] shape = data.shape().stream().mapToLong(Long::longValue).toArray();
    return manager.create(data.values(), new Shape(shape));
  }

  static TensorData data(Map<String, TensorData> tensors, String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }

  /** The array in another storage type; bf16 may only be given to kernels. */
  NDArray as(ScalarType type, NDArray array) {
    return Kernels.get().one(manager, "convert", array, type.code());
  }

  /** The matrix rounded to rows of int8, as on loading a checkpoint. */
  FrozenMatrix int8(NDArray matrix) {
    long[] shape = matrix.getShape().getShape();
    long[] rows = {shape[0]};
    NDArray values = Kernels.get().one(manager, "empty", shape, "cpu", ScalarType.INT8.code());
    NDArray scales = Kernels.get().one(manager, "empty", rows, "cpu", ScalarType.FP32.code());
    Kernels.get().run("place_int8", values, scales, matrix, 0);
    return new FrozenMatrix(values, scales, MatrixProducts.only());
  }

  /**
   * What is left of fp32 values in another type, again in fp32, to be differentiated by autograd.
   */
  NDArray rounded(ScalarType type, NDArray values) {
    try (NDArray half = as(type, values)) {
      return manager.create(floats(half), values.getShape());
    }
  }

  float[] floats(NDArray array) {
    try (NDArray copy = as(ScalarType.FP32, array)) {
      return copy.toFloatArray();
    }
  }

  /** Gradients of {@code sum(y * dy)} for each leaf, by autograd. */
  List<float[]> autograd(NDArray dy, Supplier<NDArray> forward, NDArray... leaves) {
    for (NDArray leaf : leaves) {
      leaf.setRequiresGradient(true);
    }
    List<float[]> gradients = new ArrayList<>();
    try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
      collector.backward(forward.get().mul(dy).sum());
      for (NDArray leaf : leaves) {
        gradients.add(leaf.getGradient().toFloatArray());
      }
    }
    for (NDArray leaf : leaves) {
      leaf.setRequiresGradient(false);
    }
    return gradients;
  }

  /** Gradient of {@code sum(y * dy)} for one array that forward reads, element by element. */
  static float[] differences(NDArray x, float[] dy, Supplier<float[]> forward) {
    float[] values = x.toFloatArray();
    float[] gradient = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      float middle = values[i];
      values[i] = middle + STEP;
      write(x, values);
      double above = weighted(forward.get(), dy);
      values[i] = middle - STEP;
      write(x, values);
      double below = weighted(forward.get(), dy);
      values[i] = middle;
      gradient[i] = (float) ((above - below) / (2.0 * STEP));
    }
    write(x, values);
    return gradient;
  }

  private static void write(NDArray target, float[] values) {
    try (NDArray source = target.getManager().create(values, target.getShape())) {
      Kernels.get().run("copy_into", target, source);
    }
  }

  private static double weighted(float[] y, float[] dy) {
    double sum = 0;
    for (int i = 0; i < y.length; i++) {
      sum += (double) y[i] * dy[i];
    }
    return sum;
  }

  /** Compares by the largest expected element. */
  static void assertClose(float[] actual, float[] expected, double tolerance) {
    assertThat(actual).hasSameSizeAs(expected);
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual[i]).as("element %d", i).isFinite();
      largest = Math.max(largest, Math.abs(expected[i]));
      difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    }
    assertThat(largest).as("largest expected element").isPositive();
    assertThat(difference / largest).as("largest relative difference").isLessThan(tolerance);
  }

  /** Runs passes and checks that as many arrays are managed after each as after the first. */
  void assertNoLeak(TokenBatch batch, AdapterWeights adapter, Consumer<Pass> use) {
    List<Integer> counts = new ArrayList<>();
    for (int i = 0; i < PASSES; i++) {
      try (Pass pass = Pass.training(manager, batch, adapter, i)) {
        use.accept(pass);
        assertThat(manager.getManagedArrays().size()).isPositive();
      }
      counts.add(manager.getManagedArrays().size());
    }
    assertThat(counts).as("managed arrays after each pass").containsOnly(counts.get(0));
  }

  /** The mask that a module uses in a pass, as an array that autograd may keep. */
  NDArray mask(Pass pass, String path, double dropout, NDArray like) {
    NDArray mask = pass.one("dropout_mask", like, dropout, pass.dropoutSeed(path));
    return manager.create(mask.toFloatArray(), like.getShape());
  }

  /** Another handle on an array, owned by a pass: what a layer keeps dies with its tape. */
  static NDArray lend(NDArray array, Pass pass) {
    return pass.one("rows_of", array, 0, array.getShape().get(0));
  }

  static float[] rows(float[] all, int width, int start, int count) {
    return Arrays.copyOfRange(all, start * width, (start + count) * width);
  }

  /** Concatenates on the manager of the first. */
  static NDArray join(List<NDArray> parts) {
    return parts.size() == 1 ? parts.get(0) : NDArrays.concat(new NDList(parts), 0);
  }

  /** A row of the shared layout for every token of the sequences. */
  static NDArray gathered(NDArray shared, int[] places) {
    int width = Math.toIntExact(shared.getShape().get(1));
    float[] from = shared.toFloatArray();
    float[] all = new float[places.length * width];
    for (int i = 0; i < places.length; i++) {
      System.arraycopy(from, places[i] * width, all, i * width, width);
    }
    return shared.getManager().create(all, new Shape(places.length, width));
  }

  /** The gradient of {@link #gathered}. */
  static NDArray summed(NDArray whole, int[] places, int size) {
    int width = Math.toIntExact(whole.getShape().get(1));
    float[] from = whole.toFloatArray();
    float[] sums = new float[size * width];
    for (int i = 0; i < places.length; i++) {
      for (int d = 0; d < width; d++) {
        sums[places[i] * width + d] += from[i * width + d];
      }
    }
    return whole.getManager().create(sums, new Shape(size, width));
  }

  @Override
  public void close() {
    adapters.forEach(AdapterWeights::close);
    manager.close();
  }
}
