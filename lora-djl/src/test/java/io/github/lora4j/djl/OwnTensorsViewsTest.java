package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.train.LoraTrainer;
import io.github.lora4j.djl.train.ManagedArrays;
import io.github.lora4j.djl.train.TrainingOptions;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Views that own embeddings, heads, norms and maps: what moves, what stays, what is freed. */
final class OwnTensorsViewsTest {

  private static final String TABLE = "transformer.word_embeddings.weight";

  /** Copies of norms and maps take the place of the base's. */
  @ParameterizedTest
  @CsvSource({"tied, norms-and-biases", "tied, maps", "untied, norms", "untied, maps"})
  void mergedCopiesComputeWhatTheViewComputes(String name, String adapter) throws IOException {
    OwnTensorsGolden golden = OwnTensorsGolden.of(name, adapter);
    try (CausalLm base = OwnTensorsGolden.load(name, Precision.FP32);
        PeftModel<CausalLm> peft = golden.load(base, false);
        CausalLm merged = peft.merge()) {
      float[][][] expected = peft.model().logits(golden.rows());
      float[][][] actual = merged.logits(golden.rows());

      for (int row = 0; row < expected.length; row++) {
        for (int position = 0; position < expected[row].length; position++) {
          assertThat(actual[row][position]).containsExactly(expected[row][position], offset(1e-5f));
        }
      }
    }
  }

  /**
   * In every storage: an int8 table is quantised anew, so its rounding is that of the merged rows.
   */
  @ParameterizedTest
  @CsvSource({
    "tied, embedding, FP16, 2e-2",
    "tied, head, BF16, 1e-1",
    "tied, resized, INT8, 2e-1",
    "tied, dora-embedding, BF16, 1e-1",
    "tied, resized-dora-embedding, FP32, 2e-5",
    "untied, dora-head, INT8, 2e-1",
    "untied, whole-embedding, BF16, 1e-1",
    "untied, resized-embedding, INT8, 2e-1"
  })
  void mergedWordsStayNearTheView(
      String name, String adapter, Precision precision, double tolerance) throws IOException {
    OwnTensorsGolden golden = OwnTensorsGolden.of(name, adapter);
    try (CausalLm base = OwnTensorsGolden.load(name, precision);
        PeftModel<CausalLm> peft = golden.load(base, false)) {
      long bytes = base.decoder().weightBytes();
      float[][] expected = peft.model().logits(golden.rows()[0])[0];
      try (CausalLm merged = peft.merge()) {
        float[][] found = merged.logits(golden.rows()[0])[0];

        double scale = 0;
        double largest = 0;
        for (int i = 0; i < expected.length; i++) {
          for (int j = 0; j < expected[i].length; j++) {
            scale = Math.max(scale, Math.abs(expected[i][j]));
            largest = Math.max(largest, Math.abs(expected[i][j] - found[i][j]));
          }
        }
        assertThat(largest / scale).isLessThan(tolerance);
        boolean apart = "tied".equals(name) && !"resized".equals(adapter);
        long words = merged.decoder().weightBytes() - bytes;
        assertThat(words).isGreaterThanOrEqualTo(apart ? 101 * 8 : 0);
      }
      assertThat(base.decoder().weightBytes()).isEqualTo(bytes);
    }
  }

  @Test
  void brokenWordsAreNamedAndNothingIsMerged() throws IOException {
    OwnTensorsGolden golden = OwnTensorsGolden.of("tied", "embedding");
    try (CausalLm base = OwnTensorsGolden.load("tied", Precision.FP32);
        PeftModel<CausalLm> peft = golden.load(base, false)) {
      peft.model().adapter().orElseThrow().flatValues().muli(Float.POSITIVE_INFINITY);

      assertThatThrownBy(peft::merge)
          .isInstanceOf(io.github.lora4j.LoraException.class)
          .hasMessageContaining(
              "NaN or infinity in the merged weights of 'transformer.word_embeddings.weight'");
    }
  }

  /** PEFT: test_only_params_are_updated, test_parameters_after_loading_model. */
  @ParameterizedTest
  @CsvSource({
    "tied, embedding",
    "tied, whole-head",
    "tied, norms-and-biases",
    "tied, resized-whole-embedding",
    "untied, head",
    "untied, maps",
    "untied, resized",
    "untied, resized-embedding"
  })
  void onlyWhatIsTrainedMoves(String name, String adapter, @TempDir Path temp) throws IOException {
    OwnTensorsGolden golden = OwnTensorsGolden.of(name, adapter);
    try (CausalLm base = OwnTensorsGolden.load(name, Precision.FP32);
        PeftModel<CausalLm> peft = golden.load(base, true)) {
      List<Integer> hashes = hashes(base);
      Map<String, TensorData> before = peft.tensors();
      AdapterWeights weights = peft.model().adapter().orElseThrow();

      LoraTrainer.builder(peft)
          .options(TrainingOptions.builder().batchSize(1).maxSteps(3).learningRate(0.05).build())
          .progressBar(false)
          .build()
          .train(dataset(golden));

      Map<String, TensorData> after = peft.tensors();
      assertThat(after.keySet()).isEqualTo(before.keySet()).containsAll(weights.names());
      after.forEach(
          (tensor, values) -> {
            boolean trained = weights.names().contains(tensor);
            assertThat(values.equals(before.get(tensor))).as(tensor).isEqualTo(!trained);
          });
      assertThat(hashes(base)).isEqualTo(hashes);
      peft.save(temp.resolve("trained"));
      try (PeftModel<CausalLm> loaded = PeftModel.fromPretrained(base, temp.resolve("trained"))) {
        assertThat(loaded.tensors()).isEqualTo(after);
        assertThat(loaded.model().logits(golden.rows()))
            .isDeepEqualTo(peft.model().logits(golden.rows()));
      }
    }
  }

  private static TrainingDataset dataset(OwnTensorsGolden golden) {
    List<TokenExample> examples = new ArrayList<>();
    for (int[] row : golden.rows()) {
      examples.add(new TokenExample(row, row));
    }
    return TrainingDataset.of(examples);
  }

  private static List<Integer> hashes(CausalLm base) {
    List<Integer> hashes = new ArrayList<>();
    for (ParameterInfo parameter : base.modules().parameters()) {
      hashes.add(Arrays.hashCode(base.decoder().parameter(parameter.name()).values()));
    }
    return hashes;
  }

  /** The file holds the fp32 table; the base what its type makes of it. */
  @ParameterizedTest
  @EnumSource(names = {"FP32", "FP16", "BF16", "INT8"})
  void aTableThatTheBaseHoldsInItsOwnTypeIsLeftOut(Precision precision) throws IOException {
    OwnTensorsGolden golden = OwnTensorsGolden.of("tied", "embedding-saved-whole");
    try (Safetensors file = open(golden.directory)) {
      assertThat(file.find("base_model.model.transformer.word_embeddings.base_layer.weight"))
          .isPresent();
    }

    try (CausalLm base = OwnTensorsGolden.load("tied", precision);
        PeftModel<CausalLm> peft = golden.load(base, false)) {
      assertThat(peft.tensors()).hasSize(6).doesNotContainKey(TABLE);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP32", "BF16", "INT8"})
  void aTableThatDiffersInOneElementIsTheAdaptersOwn(Precision precision, @TempDir Path temp)
      throws IOException {
    OwnTensorsGolden golden = OwnTensorsGolden.of("tied", "embedding-saved-whole");
    changeLastElementOfTable(golden.directory, temp);

    try (CausalLm base = OwnTensorsGolden.load("tied", precision);
        PeftModel<CausalLm> same = golden.load(base, false);
        PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, temp)) {
      float[] before = same.model().logits(new int[] {100})[0][0];

      float[] logits = peft.model().logits(new int[] {100})[0][0];

      assertThat(peft.tensors()).containsKey(TABLE);
      assertThat(logits).hasSize(101);
      assertThat(Math.abs(logits[100] - before[100])).isGreaterThan(0.1f); // the tied head too
      assertThat(peft.parameterCount().all()).isEqualTo(same.parameterCount().all());
      assertThat(peft.nativeBytes()).isEqualTo(same.nativeBytes() + 4 * 101 * 8);
    }
  }

  private static Safetensors open(Path directory) throws IOException {
    return Safetensors.open(directory.resolve("adapter_model.safetensors"));
  }

  private static void changeLastElementOfTable(Path from, Path to) throws IOException {
    Files.copy(from.resolve("adapter_config.json"), to.resolve("adapter_config.json"));
    SafetensorsWriter writer = new SafetensorsWriter();
    try (Safetensors file = open(from)) {
      for (TensorEntry tensor : file.tensors()) {
        float[] values = file.floats(tensor);
        if (tensor.name().endsWith("base_layer.weight")) {
          values[values.length - 1] += 3;
        }
        writer.add(tensor.name(), tensor.shape(), values);
      }
    }
    writer.writeTo(to.resolve("adapter_model.safetensors"));
  }

  @Test
  void loadingTrainingAndClosingLeaveNoArrays() throws IOException {
    try (CausalLm base = OwnTensorsGolden.load("untied", Precision.FP32)) {
      int before = ManagedArrays.below(base.decoder().manager());

      for (OwnTensorsGolden golden : OwnTensorsGolden.of("untied")) {
        PeftModel<CausalLm> peft = golden.load(base, true);
        golden.lossAndGradients(peft.model(), 1);
        peft.model().logits(golden.rows());
        assertThat(peft.nativeBytes()).isPositive();
        peft.close();

        assertThat(peft.nativeBytes()).isZero();
        assertThat(ManagedArrays.below(base.decoder().manager()))
            .as("%s", golden)
            .isEqualTo(before);
      }
    }
  }

  /** Layers compute in half precision, copies and their gradients stay in fp32. */
  @ParameterizedTest
  @CsvSource({"BF16, tied", "BF16, untied", "FP16, untied", "INT8, tied"})
  void halfPrecisionStaysNearFp32(Precision precision, String name) throws IOException {
    try (CausalLm base = OwnTensorsGolden.load(name, precision)) {
      for (OwnTensorsGolden golden : OwnTensorsGolden.of(name)) {
        try (PeftModel<CausalLm> peft = golden.load(base, true)) {
          double loss = golden.lossAndGradients(peft.model(), 2);

          assertThat(loss).as("%s", golden).isCloseTo(golden.loss(), within(0.1));
          Map<String, TensorData> gradients = peft.model().adapter().orElseThrow().readGradients();
          golden
              .gradients()
              .forEach(
                  (tensor, expected) ->
                      assertThat(distance(requireNonNull(gradients.get(tensor)), expected))
                          .as("%s of %s", tensor, golden)
                          .isLessThan(0.3));
        }
      }
    }
  }

  /** Norm of the difference over the norm; a bias on keys has no gradient but rounding. */
  private static double distance(TensorData found, TensorData expected) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.values().length; i++) {
      double off = found.values()[i] - expected.values()[i];
      difference += off * off;
      norm += expected.values()[i] * expected.values()[i];
    }
    return Math.sqrt(difference / norm);
  }

  @Test
  void aFreshAdapterOfEveryKindChangesNothing() throws IOException {
    int[] row = {7, 90, 12, 33};
    for (String name : List.of("tied", "untied")) {
      try (CausalLm base = OwnTensorsGolden.load(name, Precision.FP32)) {
        float[][] before = base.logits(row)[0];
        LoraConfig config =
            LoraConfig.builder()
                .rank(2)
                .targetModules("word_embeddings", "query_key_value", "lm_head")
                .modulesToSave("ln_f", "dense", "word_embeddings_layernorm")
                .build();

        try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config)) {
          float[][] after = peft.model().logits(row)[0];

          for (int position = 0; position < row.length; position++) {
            for (int word = 0; word < 101; word++) {
              assertThat(after[position][word]).isCloseTo(before[position][word], within(1e-6f));
            }
          }
        }
      }
    }
  }
}
