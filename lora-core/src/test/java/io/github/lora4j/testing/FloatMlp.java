package io.github.lora4j.testing;

import io.github.lora4j.DoraLinear;
import io.github.lora4j.LoraException;
import io.github.lora4j.LoraLinear;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/**
 * Residual blocks of two linear maps, a shift and a head: {@code x += down(relu(up(x)))} per layer,
 * then {@code head(x + norm.bias)}. The same model as in tools/golden/mlp.py.
 */
public final class FloatMlp {

  private final FloatOps ops = new FloatOps();
  private final Map<String, TensorData> weights;
  private final Map<String, LoraLinear> pairs = new LinkedHashMap<>();
  private final Map<String, TensorData> adapter;
  private final int layers;

  /** Who answers: this, or the same base with an adapter that came later. */
  private volatile FloatMlp current = this;

  private FloatMlp(Map<String, TensorData> weights, AdapterLayout layout) {
    this.weights = weights;
    this.adapter = new LinkedHashMap<>();
    layout.values().forEach((name, tensor) -> adapter.put(name, tensor.onHeap()));
    this.adapter.putAll(layout.frozen());
    this.layers = (weights.size() - 2) / 4;
    for (AdapterLayout.Pair p : layout.pairs()) {
      pairs.put(
          p.path(),
          new LoraLinear(
              p.path(), p.inFeatures(), p.outFeatures(), p.rank(), 1, p.scaling(), p.dropout()));
    }
  }

  /** A base with the weights of a file. */
  public static FloatMlp read(Path file) throws IOException {
    Map<String, TensorData> weights = new LinkedHashMap<>();
    try (Safetensors tensors = Safetensors.open(file)) {
      for (TensorEntry tensor : tensors.tensors()) {
        weights.put(tensor.name(), new TensorData(tensor.shape(), tensors.floats(tensor)));
      }
    }
    return new FloatMlp(weights, new AdapterLayout(List.of(), Map.of()));
  }

  /** A base with random weights. */
  public static FloatMlp random(long seed, int width, int hidden, int classes, int layers) {
    Random random = new Random(seed);
    Map<String, TensorData> weights = new LinkedHashMap<>();
    for (int i = 0; i < layers; i++) {
      weights.put("layers." + i + ".up.weight", normal(random, hidden, width));
      weights.put("layers." + i + ".up.bias", normal(random, hidden));
      weights.put("layers." + i + ".down.weight", normal(random, width, hidden));
      weights.put("layers." + i + ".down.bias", normal(random, width));
    }
    weights.put("norm.bias", normal(random, width));
    weights.put("head.weight", normal(random, classes, width));
    return new FloatMlp(weights, new AdapterLayout(List.of(), Map.of()));
  }

  private static TensorData normal(Random random, long... shape) {
    List<Long> sizes = java.util.Arrays.stream(shape).boxed().toList();
    float[] values =
        new float[(int) sizes.stream().mapToLong(size -> size).reduce(1, Math::multiplyExact)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (0.5 * random.nextGaussian());
    }
    return new TensorData(sizes, values);
  }

  FloatMlp with(AdapterLayout layout) {
    return new FloatMlp(weights, layout);
  }

  /** A base whose weights carry the adapter; the others are shared. */
  FloatMlp merged() {
    Map<String, TensorData> merged = new LinkedHashMap<>(weights);
    adapter.forEach(merged::replace); // biases
    pairs.forEach(
        (path, pair) -> {
          TensorData w = weight(path + ".weight");
          TensorData sum =
              isDora(path)
                  ? new DoraLinear(pair).merged(ops, w, a(path), b(path), m(path))
                  : ops.addScaled(w, pair.delta(ops, a(path), b(path)), 1);
          merged.put(path + ".weight", sum);
        });
    merged.forEach(
        (name, tensor) -> {
          for (float value : tensor.values()) {
            if (!Float.isFinite(value)) {
              throw new LoraException(name + " is " + value + " when merged");
            }
          }
        });
    return new FloatMlp(merged, new AdapterLayout(List.of(), Map.of()));
  }

  void become(AdapterLayout layout) {
    current = with(layout);
  }

  boolean isBare() {
    return adapter.isEmpty();
  }

  /** The tensors of the base; they never change. */
  public Map<String, TensorData> weights() {
    return weights;
  }

  /** The tensors of the adapter; a test may write into them. */
  public Map<String, TensorData> adapter() {
    return current.adapter;
  }

  ModuleTree tree() {
    List<TargetModule> modules = new ArrayList<>();
    List<ParameterInfo> parameters = new ArrayList<>();
    modules.add(TargetModule.other("", "Mlp", ""));
    modules.add(TargetModule.other("layers", "ModuleList", ""));
    for (int i = 0; i < layers; i++) {
      modules.add(TargetModule.other("layers." + i, "Block", ""));
      modules.add(linear("layers." + i + ".up"));
      modules.add(linear("layers." + i + ".down"));
    }
    modules.add(TargetModule.other("norm", "Shift", ""));
    modules.add(TargetModule.outputHead("head", in("head"), out("head"), false));
    for (String part : parameterOrder()) {
      parameters.add(new ParameterInfo(part, weight(part).shape()));
    }
    return new ModuleTree("", "acme/mlp", modules, parameters);
  }

  private List<String> parameterOrder() {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      for (String end : List.of("up.weight", "up.bias", "down.weight", "down.bias")) {
        names.add("layers." + i + "." + end);
      }
    }
    names.add("norm.bias");
    names.add("head.weight");
    return names;
  }

  private TargetModule linear(String path) {
    return TargetModule.linear(path, in(path), out(path), true);
  }

  private int in(String path) {
    return Math.toIntExact(weight(path + ".weight").shape().get(1));
  }

  private int out(String path) {
    return Math.toIntExact(weight(path + ".weight").shape().get(0));
  }

  private TensorData weight(String name) {
    return Objects.requireNonNull(adapter.getOrDefault(name, weights.get(name)), name);
  }

  /** The output: (N, width) to (N, classes). */
  public TensorData forward(TensorData x) {
    return current.run(x);
  }

  private TensorData run(TensorData x) {
    TensorData h = x;
    for (int i = 0; i < layers; i++) {
      TensorData up = map("layers." + i + ".up", h);
      h = ops.addScaled(h, map("layers." + i + ".down", ops.gate(up, up)), 1);
    }
    return map("head", ops.addRow(h, weight("norm.bias")));
  }

  private TensorData map(String path, TensorData x) {
    TensorData y = ops.matMul(x, false, weight(path + ".weight"), true);
    if (weights.containsKey(path + ".bias")) {
      y = ops.addRow(y, weight(path + ".bias"));
    }
    LoraLinear pair = pairs.get(path);
    if (pair == null) {
      return y;
    }
    if (!isDora(path)) {
      return pair.forward(ops, x, y, a(path), b(path));
    }
    DoraLinear dora = new DoraLinear(pair);
    TensorData w = weight(path + ".weight");
    TensorData n = dora.norms(ops, w, a(path), b(path));
    TensorData product = ops.matMul(x, false, w, true);
    return dora.forward(ops, x, y, product, a(path), b(path), m(path), n);
  }

  private boolean isDora(String path) {
    return adapter.containsKey(path + ".lora_magnitude_vector");
  }

  private TensorData m(String path) {
    return weight(path + ".lora_magnitude_vector");
  }

  private TensorData a(String path) {
    return weight(path + ".lora_A");
  }

  private TensorData b(String path) {
    return weight(path + ".lora_B");
  }

  /** Gradients of sum(forward(x) * dy) by every tensor of the adapter, and by "x". */
  public Map<String, TensorData> gradients(TensorData x, TensorData dy) {
    List<TensorData> inputs = new ArrayList<>(List.of(x));
    List<TensorData> ups = new ArrayList<>();
    for (int i = 0; i < layers; i++) {
      TensorData h = inputs.get(i);
      TensorData up = map("layers." + i + ".up", h);
      ups.add(up);
      inputs.add(ops.addScaled(h, map("layers." + i + ".down", ops.gate(up, up)), 1));
    }
    Map<String, TensorData> gradients = new LinkedHashMap<>();
    TensorData shifted = ops.addRow(inputs.get(layers), weight("norm.bias"));
    TensorData dh = unmap("head", dy, shifted, gradients);
    keep("norm.bias", ops.sumRows(dh), gradients);
    for (int i = layers - 1; i >= 0; i--) {
      TensorData up = ups.get(i);
      TensorData dUp = unmap("layers." + i + ".down", dh, ops.gate(up, up), gradients);
      TensorData dx = unmap("layers." + i + ".up", ops.gate(dUp, up), inputs.get(i), gradients);
      dh = ops.addScaled(dh, dx, 1);
    }
    gradients.put("x", dh);
    return gradients;
  }

  private TensorData unmap(
      String path, TensorData dy, TensorData x, Map<String, TensorData> gradients) {
    keep(path + ".bias", ops.sumRows(dy), gradients);
    keep(path + ".weight", ops.matMul(dy, true, x, false), gradients);
    TensorData dx = ops.matMul(dy, false, weight(path + ".weight"), false);
    LoraLinear pair = pairs.get(path);
    if (pair == null) {
      return dx;
    }
    if (isDora(path)) {
      return unmapDora(new DoraLinear(pair), dy, x, dx, gradients);
    }
    LoraLinear.Gradients<TensorData> own = pair.backward(ops, dy, x, a(path), b(path));
    gradients.put(path + ".lora_A", own.a());
    gradients.put(path + ".lora_B", own.b());
    return ops.addScaled(dx, own.input(), 1);
  }

  private TensorData unmapDora(
      DoraLinear dora,
      TensorData dy,
      TensorData x,
      TensorData dx,
      Map<String, TensorData> gradients) {
    String path = dora.pair().path();
    TensorData w = weight(path + ".weight");
    TensorData n = dora.norms(ops, w, a(path), b(path));
    DoraLinear.Gradients<TensorData> own =
        dora.backward(ops, dy, x, w, a(path), b(path), m(path), n);
    gradients.put(path + ".lora_A", own.a());
    gradients.put(path + ".lora_B", own.b());
    gradients.put(path + ".lora_magnitude_vector", own.magnitude());
    return ops.addScaled(dx, own.input(), 1);
  }

  private void keep(String name, TensorData gradient, Map<String, TensorData> gradients) {
    if (adapter.containsKey(name)) {
      gradients.put(name, gradient);
    }
  }
}
