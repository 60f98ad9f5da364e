package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.layer.AdapterSegment;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Pairs beside embedding and head, whole modules, biases and resized vocabularies against peft
 * 0.21, at rank 2 on a base with a tied head and at rank 3 on one with a head of its own; on Phi,
 * heads with a bias. PEFT: test_load_and_forward, test_save_load_roundtrip (lora_target_embedding,
 * lora_modules_to_save, lora_modules_to_save_tied, lora_bias_all).
 */
final class OwnTensorsGoldenTest {

  /** PEFT's own tests allow 1e-4. */
  private static final double LOGITS = 2e-5;

  /** Of a tensor's largest entry. */
  private static final double GRADIENTS = 1e-5;

  @ParameterizedTest
  @ValueSource(strings = {"tied", "untied", "phi/tied", "phi/untied"})
  void adaptersOfPeftGiveItsLogitsAndCounts(String name) throws IOException {
    try (CausalLm base = OwnTensorsGolden.load(name, Precision.FP32)) {
      for (OwnTensorsGolden golden : OwnTensorsGolden.of(name)) {
        try (PeftModel<CausalLm> peft = golden.load(base, true)) {
          float[][][] logits = peft.model().logits(golden.rows());

          assertThat(peft.model().vocabulary()).as("%s", golden).isEqualTo(golden.words());
          assertLogits(golden, logits);
          assertThat(peft.parameterCount().trainable()).as("%s", golden).isEqualTo(golden.count(0));
          assertThat(peft.parameterCount().all()).as("%s", golden).isEqualTo(golden.count(1));
        }
      }
    }
  }

  /** PEFT: _test_training, _test_training_gradient_checkpointing. */
  @ParameterizedTest
  @CsvSource({"tied, 2", "tied, 0", "untied, 1", "untied, 2", "phi/tied, 2", "phi/untied, 0"})
  void lossAndGradientsOfEveryTrainedTensorEqualPeft(String name, int keptLayers)
      throws IOException {
    try (CausalLm base = OwnTensorsGolden.load(name, Precision.FP32)) {
      for (OwnTensorsGolden golden : OwnTensorsGolden.of(name)) {
        try (PeftModel<CausalLm> peft = golden.load(base, true)) {
          double loss = golden.lossAndGradients(peft.model(), keptLayers);

          assertThat(loss).as("%s", golden).isCloseTo(golden.loss(), within(1e-5));
          AdapterWeights weights = peft.model().adapter().orElseThrow();
          assertGradients(golden, weights.readGradients());
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tied", "untied", "phi/tied", "phi/untied"})
  void whatIsSavedAgainIsTheSameAdapter(String name, @TempDir Path temp) throws IOException {
    try (CausalLm base = OwnTensorsGolden.load(name, Precision.FP32)) {
      for (OwnTensorsGolden golden : OwnTensorsGolden.of(name)) {
        Path first = temp.resolve(golden.name + "-1");
        Path second = temp.resolve(golden.name + "-2");
        Map<String, TensorData> tensors;
        try (PeftModel<CausalLm> peft = golden.load(base, false)) {
          tensors = peft.tensors();
          peft.save(first);
          assertThat(peft.readTensors(first)).isEqualTo(tensors);
          assertThat(peft.readTensors(golden.directory)).isEqualTo(tensors);
        }

        try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, first)) {
          peft.save(second);
          assertThat(peft.tensors()).isEqualTo(tensors);
          assertLogits(golden, peft.model().logits(golden.rows()));
        }
        assertThat(second.resolve("adapter_model.safetensors"))
            .hasSameBinaryContentAs(first.resolve("adapter_model.safetensors"));
      }
    }
  }

  /**
   * PEFT: _test_merge_layers, test_merge_and_unload_fixes_tie_word_embeddings_config. Its tolerance
   * is 1e-4. PEFT merges a pair beside one of two tied matrices into both, after a warning; here
   * the two are untied, so that the merged model is the adapter's.
   */
  @ParameterizedTest
  @ValueSource(strings = {"tied", "untied"})
  void mergedModelsAreThoseOfPeft(String name, @TempDir Path temp) throws IOException {
    int merges = 0;
    try (CausalLm base = OwnTensorsGolden.load(name, Precision.FP32)) {
      for (OwnTensorsGolden golden : OwnTensorsGolden.of(name)) {
        Path saved = temp.resolve(golden.name);
        try (PeftModel<CausalLm> peft = golden.load(base, false);
            CausalLm merged = peft.merge()) {
          float[][][] logits = merged.logits(golden.rows());
          assertLogits(golden, logits);
          if (golden.mergedLogits().isPresent()) {
            assertLogits(golden, golden.mergedLogits().get(), logits[0], 0);
            merges++;
          }
          assertThat(merged.vocabulary()).isEqualTo(golden.words());
          merged.save(saved);

          try (CausalLm loaded = CausalLm.load(saved, LoadOptions.builder().build())) {
            assertThat(loaded.logits(golden.rows())).as("%s", golden).isDeepEqualTo(logits);
            assertThat(loaded.modules().parameters()).isEqualTo(merged.modules().parameters());
          }
        }
      }
    }
    assertThat(merges).isEqualTo("tied".equals(name) ? 8 : 15);
  }

  /** Every row under another adapter, two of them under none, words of two vocabularies. */
  @ParameterizedTest
  @CsvSource({
    "tied, FP32, 2e-5",
    "untied, FP32, 2e-5",
    "untied, BF16, 0.15",
    "phi/tied, FP32, 2e-5",
    "phi/untied, FP32, 2e-5"
  })
  void rowsOfOneBatchEqualTheirSingleRuns(String name, Precision precision, double tolerance)
      throws IOException {
    List<PeftModel<CausalLm>> views = new ArrayList<>();
    try (CausalLm base = OwnTensorsGolden.load(name, precision)) {
      List<int[]> rows = new ArrayList<>();
      List<float[][]> expected = new ArrayList<>();
      List<AdapterSegment> segments = new ArrayList<>();
      int[] plain = {5, 17, 60, 99};
      for (OwnTensorsGolden golden : OwnTensorsGolden.of(name)) {
        PeftModel<CausalLm> view = golden.load(base, false);
        views.add(view);
        if (rows.size() % 6 == 1) {
          rows.add(plain);
          expected.add(base.logits(plain)[0]);
        }
        segments.add(new AdapterSegment(view.model().adapter().orElseThrow(), rows.size(), 1));
        rows.add(golden.rows()[0]);
        expected.add(view.model().logits(golden.rows()[0])[0]);
      }
      TokenBatch batch = TokenBatch.of(rows.toArray(int[][]::new));

      try (Pass pass = Pass.inference(base.decoder().manager(), batch, segments)) {
        assertRows(base.decoder().logits(pass, false).toFloatArray(), expected, false, tolerance);
      }
      try (Pass pass = Pass.inference(base.decoder().manager(), batch, segments)) {
        assertRows(base.decoder().logits(pass, true).toFloatArray(), expected, true, tolerance);
      }
    } finally {
      views.forEach(PeftModel::close);
    }
  }

  private static void assertRows(
      float[] found, List<float[][]> expected, boolean lastOnly, double tolerance) {
    int width = expected.stream().mapToInt(row -> row[0].length).max().orElseThrow();
    int at = 0;
    for (int row = 0; row < expected.size(); row++) {
      float[][] single = expected.get(row);
      for (int position = lastOnly ? single.length - 1 : 0; position < single.length; position++) {
        float[] scores = Arrays.copyOfRange(found, at, at + width);
        at += width;
        for (int word = 0; word < width; word++) {
          String label = "row %d, position %d, word %d".formatted(row, position, word);
          if (word < single[position].length) {
            assertThat((double) scores[word])
                .as(label)
                .isCloseTo(single[position][word], within(tolerance));
          } else {
            assertThat(scores[word]).as(label).isEqualTo(Float.NEGATIVE_INFINITY);
          }
        }
      }
    }
    assertThat(at).isEqualTo(found.length);
  }

  private static void assertLogits(OwnTensorsGolden golden, float[][][] logits) {
    for (int row = 0; row < logits.length; row++) {
      assertLogits(golden, golden.logits(row), logits[row], row);
    }
  }

  private static void assertLogits(
      OwnTensorsGolden golden, TensorData expected, float[][] logits, int row) {
    int at = 0;
    for (float[] position : logits) {
      for (float score : position) {
        assertThat((double) score)
            .as("%s, row %d, element %d", golden, row, at)
            .isCloseTo(expected.values()[at++], within(LOGITS));
      }
    }
    assertThat(at).isEqualTo(expected.values().length);
  }

  private static void assertGradients(OwnTensorsGolden golden, Map<String, TensorData> actual) {
    Map<String, TensorData> expected = golden.gradients();
    assertThat(actual.keySet())
        .as("%s", golden)
        .containsExactlyInAnyOrderElementsOf(expected.keySet());
    expected.forEach(
        (tensor, reference) -> {
          TensorData gradient = requireNonNull(actual.get(tensor));
          assertThat(gradient.shape()).isEqualTo(reference.shape());
          double largest = 0;
          double difference = 0;
          for (int i = 0; i < reference.values().length; i++) {
            double wanted = reference.values()[i];
            largest = Math.max(largest, Math.abs(wanted));
            difference = Math.max(difference, Math.abs(gradient.values()[i] - wanted));
          }
          assertThat(difference / largest)
              .as("relative difference of the gradient of %s of %s", tensor, golden)
              .isLessThanOrEqualTo(GRADIENTS);
        });
  }
}
