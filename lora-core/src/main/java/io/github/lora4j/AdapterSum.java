package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TensorData;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A weighted sum of adapters as one adapter, without loss: with A = [A₁; A₂] and B = [w₁s₁B₁,
 * w₂s₂B₂], BA is w₁s₁B₁A₁ + w₂s₂B₂A₂. Of biases, the differences from the base's are summed.
 */
final class AdapterSum {

  private record Term(AdapterValues adapter, LoraLinear pair, double weight) {}

  private final List<AdapterValues> adapters;
  private final double[] weights;

  AdapterSum(List<AdapterValues> adapters, double[] weights) {
    this.adapters = adapters;
    this.weights = weights;
  }

  /**
   * Computes the sum.
   *
   * @param base reads a bias of the base by its name
   */
  AdapterValues values(Function<String, TensorData> base) {
    Map<String, List<Term>> terms = terms();
    Map<String, Integer> ranks = new LinkedHashMap<>();
    terms.forEach((path, of) -> ranks.put(path, of.stream().mapToInt(t -> t.pair.rank()).sum()));
    List<LoraConfig> configs = adapters.stream().map(adapter -> adapter.plan().config()).toList();
    LoraPlan plan = UnitScaling.plan(tree(), configs, ranks);
    Map<String, TensorData> values = new LinkedHashMap<>();
    for (LoraLinear pair : plan.pairs()) {
      List<Term> of = terms.getOrDefault(pair.path(), List.of());
      values.put(AdapterValues.nameOfA(pair), a(pair, of));
      values.put(AdapterValues.nameOfB(pair), b(pair, of));
    }
    for (ParameterInfo bias : plan.biases()) {
      values.put(bias.name(), bias(bias.name(), base.apply(bias.name())));
    }
    return new AdapterValues(plan, values);
  }

  private ModuleTree tree() {
    return adapters.get(0).plan().tree();
  }

  /** The pairs of each module, in the order of the base. */
  private Map<String, List<Term>> terms() {
    Map<String, List<Term>> byPath = new LinkedHashMap<>();
    for (int i = 0; i < adapters.size(); i++) {
      for (LoraLinear pair : adapters.get(i).plan().pairs()) {
        byPath
            .computeIfAbsent(pair.path(), path -> new ArrayList<>())
            .add(new Term(adapters.get(i), pair, weights[i]));
      }
    }
    Map<String, List<Term>> ordered = new LinkedHashMap<>();
    for (TargetModule module : tree().modules()) {
      List<Term> of = byPath.get(module.path());
      if (of != null) {
        ordered.put(module.path(), of);
      }
    }
    return ordered;
  }

  private static TensorData a(LoraLinear sum, List<Term> terms) {
    float[] rows = new float[sum.rank() * sum.inFeatures()];
    int at = 0;
    for (Term term : terms) {
      float[] own = term.adapter.a(term.pair);
      System.arraycopy(own, 0, rows, at, own.length);
      at += own.length;
    }
    return TensorData.matrix(sum.rank(), sum.inFeatures(), rows); // (Σr, in)
  }

  private static TensorData b(LoraLinear sum, List<Term> terms) {
    float[] values = new float[sum.outFeatures() * sum.rank()];
    int column = 0;
    for (Term term : terms) {
      float[] own = term.adapter.b(term.pair);
      double factor = term.weight * term.pair.scaling();
      int rank = term.pair.rank();
      for (int i = 0; i < own.length; i++) {
        values[i / rank * sum.rank() + column + i % rank] = finite(factor * own[i], sum.path());
      }
      column += rank;
    }
    return TensorData.matrix(sum.outFeatures(), sum.rank(), values); // (out, Σr)
  }

  private TensorData bias(String name, TensorData base) {
    double[] sums = new double[base.values().length];
    for (int i = 0; i < adapters.size(); i++) {
      TensorData own = adapters.get(i).tensors().get(name);
      for (int j = 0; own != null && j < sums.length; j++) {
        sums[j] += weights[i] * ((double) own.values()[j] - base.values()[j]);
      }
    }
    float[] values = new float[sums.length];
    for (int j = 0; j < values.length; j++) {
      values[j] = finite(base.values()[j] + sums[j], name);
    }
    return new TensorData(base.shape(), values);
  }

  private static float finite(double value, String where) {
    float rounded = (float) value;
    if (!Float.isFinite(rounded)) {
      throw new IllegalArgumentException(
          "the weighted sum at %s is %s in fp32; choose smaller weights, or repair the adapter"
              .formatted(where, rounded));
    }
    return rounded;
  }
}
