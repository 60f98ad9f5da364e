package io.github.lora4j.djl.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.spi.TensorData;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The optimiser of an adapter: torch's AdamW over the adapter's flat buffers, and the clipping of
 * the gradients before it. Owns the two moments in native memory.
 *
 * @see <a href="https://arxiv.org/abs/1711.05101">Loshchilov and Hutter 2019, algorithm 2</a>
 */
final class AdamW implements AutoCloseable {

  /** What torch's clip_grad_norm_ adds to the norm. */
  private static final double CLIP_EPSILON = 1e-6;

  private static final String FIRST = "exp_avg/";
  private static final String SECOND = "exp_avg_sq/";

  private final AdapterWeights adapter;
  private final TrainingOptions options;
  private final NDManager manager;
  private final NDArray first;
  private final NDArray second;
  private final NDArray decay;
  private final Optional<NDArray> rates;
  private final Optional<NDArray> trained;

  AdamW(AdapterWeights adapter, TrainingOptions options, NDManager parent) {
    this(adapter, Set.of(), options, parent);
  }

  /**
   * An optimiser.
   *
   * @param embeddings paths of modules whose pairs stand beside a table
   */
  AdamW(AdapterWeights adapter, Set<String> embeddings, TrainingOptions options, NDManager parent) {
    this.adapter = adapter;
    this.options = options;
    this.manager = parent.newSubManager();
    Shape shape = adapter.flatValues().getShape();
    this.first = manager.zeros(shape, DataType.FLOAT32);
    this.second = manager.zeros(shape, DataType.FLOAT32);
    ParameterGroups groups = new ParameterGroups(adapter.layout(), embeddings);
    this.decay = manager.create(groups.decay());
    this.rates = groups.rates(options).map(manager::create);
    this.trained = groups.trained().map(manager::create);
  }

  void clearGradients() {
    Kernels.get().run("fill_zero", adapter.flatGradients());
  }

  /** Takes the factor of the loss out of the gradients. */
  void unscale(LossScale scale) {
    if (scale.adapts()) {
      Kernels.get().run("scale_in_place", adapter.flatGradients(), 1 / scale.factor());
    }
  }

  /** Forgets the gradients of what is not trained. */
  void keepTrained() {
    trained.ifPresent(
        mask -> Kernels.get().run("multiply_in_place", adapter.flatGradients(), mask));
  }

  /** Euclidean norm of all gradients together. */
  double gradientNorm() {
    try (NDManager scope = manager.newSubManager();
        NDArray norm = Kernels.get().one(scope, "norm_of", adapter.flatGradients())) {
      return norm.toDoubleArray()[0];
    }
  }

  /** Scales the gradients down where their norm is above the bound. */
  void clip(double norm) {
    double factor = options.maxGradNorm() / (norm + CLIP_EPSILON);
    if (options.maxGradNorm() > 0 && factor < 1) {
      Kernels.get().run("scale_in_place", adapter.flatGradients(), factor);
    }
  }

  /** Changes the adapter; steps count from 1. */
  void update(int step, double learningRate) {
    List<Object> arguments =
        new ArrayList<>(
            List.of(adapter.flatValues(), adapter.flatGradients(), first, second, decay));
    rates.ifPresent(arguments::add);
    arguments.addAll(
        List.of(
            learningRate,
            options.beta1(),
            options.beta2(),
            options.epsilon(),
            options.weightDecay(),
            step));
    Kernels.get().run(rates.isPresent() ? "adamw_grouped" : "adamw", arguments.toArray());
    adapter.changed();
  }

  /** Copies the moments to the heap, under the names of the tensors they belong to. */
  Map<String, TensorData> moments() {
    Map<String, TensorData> moments = new LinkedHashMap<>();
    split(FIRST, first.toFloatArray(), moments);
    split(SECOND, second.toFloatArray(), moments);
    return moments;
  }

  private void split(String prefix, float[] all, Map<String, TensorData> moments) {
    int start = 0;
    for (Map.Entry<String, TensorData> entry : adapter.layout().values().entrySet()) {
      int end = start + entry.getValue().values().length;
      TensorData part =
          new TensorData(entry.getValue().shape(), Arrays.copyOfRange(all, start, end));
      moments.put(prefix + entry.getKey(), part);
      start = end;
    }
  }

  /**
   * Takes moments over.
   *
   * @param moments as {@link #moments} gave them
   * @throws LoraException if one is missing or of another shape
   */
  void restore(Map<String, TensorData> moments) {
    restore(FIRST, first, moments);
    restore(SECOND, second, moments);
  }

  private void restore(String prefix, NDArray target, Map<String, TensorData> moments) {
    float[] all = new float[Math.toIntExact(target.size())];
    int start = 0;
    for (Map.Entry<String, TensorData> entry : adapter.layout().values().entrySet()) {
      TensorData part = moments.get(prefix + entry.getKey());
      if (part == null || !part.shape().equals(entry.getValue().shape())) {
        throw new LoraException(
            "the optimizer's state has %s for %s%s, wanted shape %s; resume from another checkpoint"
                .formatted(
                    part == null ? "nothing" : "shape " + part.shape(),
                    prefix,
                    entry.getKey(),
                    entry.getValue().shape()));
      }
      System.arraycopy(part.values(), 0, all, start, part.values().length);
      start += part.values().length;
    }
    try (NDArray source = manager.create(all)) {
      Kernels.get().run("copy_into", target, source);
    }
  }

  @Override
  public void close() {
    manager.close();
  }
}
