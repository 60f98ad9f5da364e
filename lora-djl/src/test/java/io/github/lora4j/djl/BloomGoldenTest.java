package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The engine against transformers 5.18 and peft 0.21. The reference is fp32 too and itself up to
 * 7e-6 (logits) and 4e-6 (gradients) away from fp64.
 */
final class BloomGoldenTest {

  private static final double LOGITS = 1e-4;
  private static final double GRADIENTS = 1e-5;

  @ParameterizedTest
  @ValueSource(strings = {"power-of-two", "six-heads"})
  void treeIsPrintedAsPyTorchPrintsIt(String name) throws IOException {
    BloomGolden golden = new BloomGolden(name);

    try (CausalLm base = golden.load(Precision.FP32)) {
      assertThat(base.tree().stripTrailing()).isEqualTo(golden.tree());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"power-of-two", "six-heads"})
  void logitsOfSingleRowsEqualTransformers(String name) throws IOException {
    BloomGolden golden = new BloomGolden(name);
    int[][] rows = golden.rows();

    try (CausalLm base = golden.load(Precision.FP32)) {
      for (int row = 0; row < rows.length; row++) {
        float[][] logits = base.logits(rows[row])[0];

        assertClose(logits, golden.expected("base/logits/" + row), LOGITS);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"power-of-two, MKL", "power-of-two, ONEDNN", "six-heads, MKL", "six-heads, ONEDNN"})
  void logitsOfOneBatchEqualThoseOfPaddedBatches(String name, MatrixLibrary library)
      throws IOException {
    BloomGolden golden = new BloomGolden(name);

    try (CausalLm base = golden.load(library)) {
      float[][][] logits = base.logits(golden.rows());

      for (int row = 0; row < logits.length; row++) {
        assertClose(logits[row], golden.expected("base/left_padded/" + row), LOGITS);
        assertClose(logits[row], golden.expected("base/right_padded/" + row), LOGITS);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"BF16, bf16, 0.2", "FP16, fp16, 0.03"})
  void halfPrecisionStaysNearTransformers(Precision precision, String prefix, double tolerance)
      throws IOException {
    BloomGolden golden = new BloomGolden("power-of-two");

    try (CausalLm base = golden.load(precision)) {
      float[][][] logits = base.logits(golden.rows());

      for (int row = 0; row < logits.length; row++) {
        assertClose(logits[row], golden.expected(prefix + "/logits/" + row), tolerance);
      }
    }
  }

  /** PEFT: test_load_and_forward. */
  @ParameterizedTest
  @ValueSource(strings = {"power-of-two", "six-heads"})
  void logitsUnderEveryAdapterEqualPeft(String name) throws IOException {
    BloomGolden golden = new BloomGolden(name);

    try (CausalLm base = golden.load(Precision.FP32)) {
      for (String adapter : golden.adapters()) {
        try (LoraView<CausalLm> view =
            new DjlBackend().attach(base, golden.layout(adapter, base), false)) {
          float[][][] logits = view.model().logits(golden.rows());

          for (int row = 0; row < logits.length; row++) {
            String expected = "adapters/%s/logits/%d".formatted(adapter, row);
            assertClose(logits[row], golden.expected(expected), LOGITS);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "power-of-two, false, MKL", "power-of-two, true, ONEDNN",
    "six-heads, false, ONEDNN", "six-heads, true, MKL",
  })
  void lossAndGradientsOfEveryAdapterEqualPeft(
      String name, boolean recompute, MatrixLibrary library) throws IOException {
    BloomGolden golden = new BloomGolden(name);

    try (CausalLm base = golden.load(library)) {
      for (String adapter : golden.adapters()) {
        try (LoraView<CausalLm> view =
            new DjlBackend().attach(base, golden.layout(adapter, base), true)) {
          AdapterWeights weights = view.model().adapter().orElseThrow();

          double loss = lossAndGradients(golden, base, weights, recompute);

          assertThat(loss).isCloseTo(golden.loss("adapters/" + adapter), within(1e-5));
          assertGradients(adapter, weights.readGradients(), golden.gradients(adapter));
        }
      }
    }
  }

  private static double lossAndGradients(
      BloomGolden golden, CausalLm base, AdapterWeights weights, boolean recompute) {
    TokenBatch batch = TokenBatch.of(golden.lossRows(), golden.labels());
    try (Pass pass = Pass.training(base.decoder().manager(), batch, weights, 1)) {
      return base.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), recompute);
    }
  }

  private static void assertGradients(
      String adapter, Map<String, TensorData> actual, Map<String, TensorData> expected) {
    assertThat(actual.keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
    expected.forEach(
        (tensor, reference) -> {
          TensorData gradient = requireNonNull(actual.get(tensor));
          assertThat(gradient.shape()).isEqualTo(reference.shape());
          double largest = 0;
          double difference = 0;
          for (int i = 0; i < reference.values().length; i++) {
            largest = Math.max(largest, Math.abs(reference.values()[i]));
            difference =
                Math.max(difference, Math.abs(gradient.values()[i] - reference.values()[i]));
          }
          assertThat(difference / largest)
              .as("relative difference of the gradient of %s of %s", tensor, adapter)
              .isLessThanOrEqualTo(GRADIENTS);
        });
  }

  private static void assertClose(float[][] actual, TensorData expected, double tolerance) {
    int width = Math.toIntExact(expected.shape().get(1));
    assertThat(actual.length).isEqualTo(Math.toIntExact(expected.shape().get(0)));
    for (int position = 0; position < actual.length; position++) {
      assertThat(actual[position]).hasSize(width);
      for (int id = 0; id < width; id++) {
        assertThat((double) actual[position][id])
            .as("position %d, id %d", position, id)
            .isCloseTo(expected.values()[position * width + id], within(tolerance));
      }
    }
  }
}
