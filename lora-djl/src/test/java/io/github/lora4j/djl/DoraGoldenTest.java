package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** DoRA beside BLOOM against PEFT 0.21: fp32, both programs off by some 1e-6. */
final class DoraGoldenTest {

  private static final double LOGITS = 1e-4;
  private static final double LOSS = 1e-5;

  /** Of the largest entry of a tensor. */
  private static final double GRADIENTS = 1e-5;

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"rank-2", "rank-5", "patterns"})
  void logitsEqualPeft(String name) throws IOException {
    DoraGolden golden = new DoraGolden(name);
    try (CausalLm base = DoraGolden.base(Precision.FP32);
        PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, golden.adapter())) {
      float[][][] logits = peft.model().logits(golden.rows());

      for (int row = 0; row < logits.length; row++) {
        assertClose(flat(logits[row]), golden.logits(row), LOGITS);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"rank-2, 0", "rank-2, 2", "rank-5, 1", "patterns, 0", "patterns, 2"})
  void lossAndGradientsEqualPeft(String name, int keptLayers) throws IOException {
    DoraGolden golden = new DoraGolden(name);
    try (CausalLm base = DoraGolden.base(Precision.FP32);
        PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, golden.adapter(), true)) {
      Map<String, TensorData> expected = golden.below("gradients/");

      double loss = gradients(peft, golden, keptLayers);

      assertThat(loss).isCloseTo(golden.lossValue(), within(LOSS));
      Map<String, TensorData> actual = weights(peft).readGradients();
      assertThat(actual.keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
      expected.forEach(
          (tensor, reference) ->
              assertClose(
                  Objects.requireNonNull(actual.get(tensor)).values(),
                  reference.values(),
                  GRADIENTS * largest(reference.values())));
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.2})
  void recomputedLayersGiveTheSameBits(double dropout) throws IOException {
    DoraGolden golden = new DoraGolden("patterns");
    LoraConfig config =
        LoraConfig.builder()
            .rank(3)
            .dropout(dropout)
            .dora(true)
            .targetModules("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
            .build();
    try (CausalLm base = DoraGolden.base(Precision.FP32);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config)) {
      gradients(peft, golden, 2);
      Map<String, TensorData> kept = weights(peft).readGradients();
      weights(peft).flatGradients().subi(weights(peft).flatGradients());

      gradients(peft, golden, 0);

      assertThat(weights(peft).readGradients()).isEqualTo(kept);
    }
  }

  private static double gradients(PeftModel<CausalLm> peft, DoraGolden golden, int keptLayers) {
    CausalLm model = peft.model();
    TokenBatch batch = TokenBatch.of(golden.lossRows(), golden.labels());
    try (Pass pass = Pass.training(model.decoder().manager(), batch, weights(peft), 1)) {
      return model.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), keptLayers);
    }
  }

  private static AdapterWeights weights(PeftModel<CausalLm> peft) {
    return peft.model().adapter().orElseThrow();
  }

  /** Also from bf16 and int8, whose rows are measured as layers see them. */
  @ParameterizedTest
  @EnumSource(names = {"FP32", "BF16", "INT8"})
  void freshMagnitudesAreTheLengthsOfTheRows(Precision precision) throws IOException {
    DoraGolden golden = new DoraGolden("rank-2");
    LoraConfig config = LoraConfig.builder().rank(2).alpha(8).dora(true).build();
    try (CausalLm base = DoraGolden.base(precision);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config)) {
      Map<String, TensorData> expected = golden.below("fresh/");
      double tolerance = precision == Precision.FP32 ? 1e-6 : 1e-2;

      assertThat(expected).hasSize(2);
      expected.forEach(
          (name, reference) -> {
            TensorData actual = Objects.requireNonNull(peft.tensors().get(name), name);
            assertThat(actual.shape()).isEqualTo(reference.shape());
            assertClose(
                actual.values(), reference.values(), tolerance * largest(reference.values()));
          });
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "BF16", "INT8"})
  void freshAdapterChangesNothing(Precision precision) throws IOException {
    DoraGolden golden = new DoraGolden("rank-2");
    LoraConfig config = LoraConfig.builder().rank(2).dropout(0.5).dora(true).build();
    try (CausalLm base = DoraGolden.base(precision);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config)) {
      float[] logits = flat(peft.model().logits(golden.rows())[0]);

      // the bias is added to a product that is rounded to bf16 before
      double tolerance = precision == Precision.FP32 ? 1e-5 : 0.2;
      assertClose(logits, flat(base.logits(golden.rows())[0]), tolerance);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rank-2", "rank-5", "patterns"})
  void countsAndFilesAreThoseOfPeft(String name) throws IOException {
    DoraGolden golden = new DoraGolden(name);
    try (CausalLm base = DoraGolden.base(Precision.FP32);
        PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, golden.adapter(), true)) {
      peft.save(directory);

      assertThat(peft.parameterCount().trainable()).isEqualTo(golden.trainable()[0]);
      assertThat(peft.parameterCount().all()).isEqualTo(golden.trainable()[1]);
      assertThat(directory.resolve("adapter_model.safetensors"))
          .hasSameBinaryContentAs(golden.adapter().resolve("adapter_model.safetensors"));
      assertThat(Files.size(directory.resolve("adapter_model.safetensors")))
          .isEqualTo(peft.plan().fileBytes());
      assertThat(LoraConfig.read(directory)).isEqualTo(LoraConfig.read(golden.adapter()));
    }
  }

  @Test
  void viewsGiveTheirMemoryBackAndLeaveTheBase() throws IOException {
    DoraGolden golden = new DoraGolden("patterns");
    try (CausalLm base = DoraGolden.base(Precision.FP32)) {
      float[] before = flat(base.logits(golden.rows())[0]);
      Map<String, Long> bytes = new LinkedHashMap<>();
      for (int i = 0; i < 5; i++) {
        PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, golden.adapter());
        peft.model().logits(golden.rows());
        bytes.merge("open", peft.nativeBytes(), Math::max);
        peft.close();
        bytes.merge("closed", peft.nativeBytes(), Math::max);
      }

      long file = Files.size(golden.adapter().resolve("adapter_model.safetensors"));
      assertThat(bytes.get("open")).isBetween(file / 2, file + file / 10);
      assertThat(bytes.get("closed")).isZero();
      assertThat(flat(base.logits(golden.rows())[0])).isEqualTo(before);
    }
  }

  private static float[] flat(float[][] rows) {
    float[] all = new float[rows.length * rows[0].length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, all, i * rows[i].length, rows[i].length);
    }
    return all;
  }

  private static double largest(float[] values) {
    double largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  private static void assertClose(float[] actual, float[] expected, double tolerance) {
    assertThat(actual).hasSameSizeAs(expected);
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      assertThat(actual[i]).as("element %d", i).isFinite();
      difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    }
    assertThat(difference).isLessThanOrEqualTo(tolerance);
  }
}
