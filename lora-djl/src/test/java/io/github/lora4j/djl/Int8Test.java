package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.io.DType;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A base of int8 matrices: how near it is to the full one, and that it is trained through. */
final class Int8Test {

  private static final Arithmetic INT8_IN_FP32 = new Arithmetic(ScalarType.INT8, ScalarType.FP32);
  private static final Arithmetic INT8_IN_BF16 = new Arithmetic(ScalarType.INT8, ScalarType.BF16);
  private static final Arithmetic BF16 = new Arithmetic(ScalarType.BF16, ScalarType.BF16);

  private final Path temp;

  Int8Test(@TempDir Path temp) {
    this.temp = temp;
  }

  /** Random weights of 32 columns are the worst case: real rows are longer and average more. */
  @ParameterizedTest
  @ValueSource(strings = {"power-of-two", "six-heads"})
  void logitsAreWithinTwoInAHundredOfTransformers(String name) throws IOException {
    BloomGolden golden = new BloomGolden(name);

    try (CausalLm base = golden.load(INT8_IN_FP32)) {
      assertThat(error(golden, base)).isBetween(1e-4, 0.02);
    }
  }

  @Test
  void inBf16ItIsHardlyFurtherAwayThanBf16Itself() throws IOException {
    BloomGolden golden = new BloomGolden("power-of-two");

    try (CausalLm int8 = golden.load(INT8_IN_BF16);
        CausalLm half = golden.load(BF16)) {
      assertThat(error(golden, int8)).isBetween(1e-4, 0.03);
      assertThat(error(golden, half)).isBetween(1e-4, 0.03);
    }
  }

  /** Length of the difference of all logits / length of the logits. */
  private static double error(BloomGolden golden, CausalLm base) {
    float[][][] logits = base.logits(golden.rows());
    double difference = 0;
    double length = 0;
    for (int row = 0; row < logits.length; row++) {
      TensorData expected = golden.expected("base/logits/" + row);
      int width = logits[row][0].length;
      for (int i = 0; i < expected.values().length; i++) {
        double reference = expected.values()[i];
        difference += Math.pow(logits[row][i / width][i % width] - reference, 2);
        length += reference * reference;
      }
    }
    return Math.sqrt(difference / length);
  }

  @Test
  void lossAndGradientsAreThoseOfTheDequantisedWeights() throws IOException {
    BloomGolden golden = new BloomGolden("power-of-two");
    try (CausalLm int8 = golden.load(INT8_IN_FP32)) {
      TinyCheckpoint dequantised = new TinyCheckpoint(temp.resolve("model"));
      dequantised.weights(parameters(int8), DType.F32);

      try (CausalLm dense = dequantised.load(Precision.FP32)) {
        for (String adapter : golden.adapters()) {
          Outcome expected = train(golden, dense, adapter);
          Outcome actual = train(golden, int8, adapter);

          assertThat(actual.loss()).isCloseTo(expected.loss(), within(1e-5));
          expected.gradients().forEach((name, gradient) -> assertClose(actual, name, gradient));
        }
      }
    }
  }

  private record Outcome(double loss, Map<String, TensorData> gradients) {}

  private static Outcome train(BloomGolden golden, CausalLm base, String adapter)
      throws IOException {
    TokenBatch batch = TokenBatch.of(golden.lossRows(), golden.labels());
    try (LoraView<CausalLm> view =
        new DjlBackend().attach(base, golden.layout(adapter, base), true)) {
      AdapterWeights weights = view.model().adapter().orElseThrow();
      try (Pass pass = Pass.training(base.decoder().manager(), batch, weights, 1)) {
        double loss = base.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), false);
        return new Outcome(loss, weights.readGradients());
      }
    }
  }

  private static void assertClose(Outcome actual, String name, TensorData expected) {
    float[] gradient = requireNonNull(actual.gradients().get(name)).values();
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < gradient.length; i++) {
      largest = Math.max(largest, Math.abs(expected.values()[i]));
      difference = Math.max(difference, Math.abs(gradient[i] - expected.values()[i]));
    }
    assertThat(largest).isPositive();
    assertThat(difference / largest).as(name).isLessThanOrEqualTo(1e-5);
  }

  private static Map<String, TensorData> parameters(CausalLm base) {
    Map<String, TensorData> values = new LinkedHashMap<>();
    for (ParameterInfo parameter : base.modules().parameters()) {
      values.put(parameter.name(), base.decoder().parameter(parameter.name()));
    }
    return values;
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16", "F64"})
  void matricesOfEveryCheckpointAreRoundedFromTheirOwnValues(DType stored) throws IOException {
    TinyCheckpoint checkpoint = new TinyCheckpoint(temp.resolve("model"));
    checkpoint.weights(TinyCheckpoint.tensors(), stored);

    try (CausalLm full = checkpoint.load(Precision.FP32);
        CausalLm int8 = checkpoint.load(Precision.INT8)) {
      assertThat(int8.precision()).isEqualTo(Precision.INT8);
      long elements = 0;
      long rows = 0;
      long vectors = 0;
      for (ParameterInfo parameter : full.modules().parameters()) {
        float[] exact = full.decoder().parameter(parameter.name()).values();
        float[] rounded = int8.decoder().parameter(parameter.name()).values();
        if (parameter.shape().size() == 1) {
          assertThat(rounded).isEqualTo(exact);
          vectors += exact.length;
        } else {
          assertRounded(exact, rounded, Math.toIntExact(parameter.shape().get(1)));
          elements += exact.length;
          rows += parameter.shape().get(0);
        }
      }
      assertThat(int8.decoder().weightBytes()).isEqualTo(elements + 4 * (rows + vectors));
    }
  }

  private static void assertRounded(float[] exact, float[] rounded, int width) {
    assertThat(rounded).hasSameSizeAs(exact).isNotEqualTo(exact);
    for (int start = 0; start < exact.length; start += width) {
      float largest = 0;
      for (int i = start; i < start + width; i++) {
        largest = Math.max(largest, Math.abs(exact[i]));
      }
      for (int i = start; i < start + width; i++) {
        assertThat(Math.abs(rounded[i] - exact[i])).isLessThanOrEqualTo(largest / 127 * 0.502f);
      }
    }
  }
}
