package io.github.lora4j;

import io.github.lora4j.spi.LoraBackend;
import io.github.lora4j.spi.MatrixFactors;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TensorData;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** What the tensors of an adapter are before it is trained, as far as a base decides it. */
record InitialValues(LoraPlan plan, LoraBackend backend, Object base) {

  /** All tensors of a fresh adapter. */
  Map<String, TensorData> fresh(long seed) {
    LoraInit init = plan.config().init();
    Map<String, TensorData> values = new LinkedHashMap<>();
    for (LoraLinear pair : plan.pairs()) {
      if (init.takesFromBase()) {
        TensorData[] start = start(pair);
        put(pair, start[0], start[1], start, values);
      } else {
        InitialPair initial = InitialPair.of(plan, pair, seed);
        values.put(pair.path() + ".lora_A", initial.a());
        values.put(pair.path() + ".lora_B", initial.b());
      }
      if (plan.config().dora()) {
        values.put(
            DoraLinear.nameOfMagnitude(pair), DoraLinear.initial(pair, base, backend, values));
      }
    }
    addBiases(values);
    for (ParameterInfo copy : plan.copies()) {
      values.put(copy.name(), backend.parameter(base, copy.name()));
    }
    return values;
  }

  /** The tensors of a file, and what it leaves to the base. */
  Map<String, TensorData> completed(Map<String, TensorData> read) {
    Map<String, TensorData> values = new LinkedHashMap<>(read);
    if (plan.config().init().takesFromBase()) {
      for (LoraLinear pair : plan.pairs()) {
        TensorData a = Objects.requireNonNull(read.get(pair.path() + ".lora_A"));
        TensorData b = Objects.requireNonNull(read.get(pair.path() + ".lora_B"));
        put(pair, a, b, start(pair), values);
      }
    }
    addBiases(values);
    return values;
  }

  private void addBiases(Map<String, TensorData> values) {
    for (ParameterInfo bias : plan.biases()) {
      if (!values.containsKey(bias.name())) {
        values.put(bias.name(), backend.parameter(base, bias.name()));
      }
    }
  }

  /** A₀ and B₀: s·B₀A₀ is the part of the matrix that the pair starts as. */
  private TensorData[] start(LoraLinear pair) {
    boolean singular = plan.config().init() == LoraInit.PISSA;
    MatrixFactors factors =
        backend.factors(
            base,
            pair.path(),
            singular ? MatrixFactors.Kind.SINGULAR : MatrixFactors.Kind.TRIANGULAR,
            plan.trainedRank(pair));
    double share = singular ? 1 / Math.sqrt(pair.scaling()) : 1; // as PEFT does either
    return new TensorData[] {scaled(factors.right(), share), scaled(factors.left(), share)};
  }

  /** [A; A₀] and [B, -B₀]. */
  private static void put(
      LoraLinear pair,
      TensorData a,
      TensorData b,
      TensorData[] start,
      Map<String, TensorData> values) {
    float[] wholeA = new float[2 * a.values().length];
    System.arraycopy(a.values(), 0, wholeA, 0, a.values().length);
    System.arraycopy(start[0].values(), 0, wholeA, a.values().length, a.values().length);
    float[] wholeB = new float[2 * b.values().length];
    int rank = pair.rank() / 2;
    for (int i = 0; i < b.values().length; i++) {
      int at = i / rank * pair.rank() + i % rank;
      wholeB[at] = b.values()[i];
      wholeB[at + rank] = -start[1].values()[i];
    }
    values.put(pair.path() + ".lora_A", TensorData.matrix(pair.rank(), pair.inFeatures(), wholeA));
    values.put(pair.path() + ".lora_B", TensorData.matrix(pair.outFeatures(), pair.rank(), wholeB));
  }

  private static TensorData scaled(TensorData tensor, double factor) {
    float[] values = new float[tensor.values().length];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (tensor.values()[i] * factor);
    }
    return new TensorData(tensor.shape(), values);
  }
}
