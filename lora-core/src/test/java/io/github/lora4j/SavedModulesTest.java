package io.github.lora4j;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Modules that an adapter trains whole copies of. */
class SavedModulesTest {

  private static final ModuleTree BLOOM = BloomShapes.bloom560m();

  private final FloatMlp base = FloatMlp.random(1, 6, 10, 5, 2);

  @TempDir Path directory;

  private static LoraConfig.Builder config() {
    return LoraConfig.builder().rank(8).alpha(16).targetModules("query_key_value");
  }

  private static List<String> copies(String... names) {
    return LoraPlan.of(BLOOM, config().modulesToSave(names).build()).copies().stream()
        .map(ParameterInfo::name)
        .toList();
  }

  @Test
  void namesMeanWholeNamesOrEndsOfPathsAndEverythingBelow() {
    assertThat(copies("ln_f")).containsExactly("transformer.ln_f.weight", "transformer.ln_f.bias");
    assertThat(copies("self_attention.dense")).hasSize(48);
    assertThat(copies("h.3.mlp"))
        .containsExactly(
            "transformer.h.3.mlp.dense_h_to_4h.weight",
            "transformer.h.3.mlp.dense_h_to_4h.bias",
            "transformer.h.3.mlp.dense_4h_to_h.weight",
            "transformer.h.3.mlp.dense_4h_to_h.bias");
  }

  /** PEFT lets a name end anywhere: its "ense" would take every dense. A deliberate difference. */
  @ParameterizedTest
  @ValueSource(strings = {"ense", "head", "f", "layernorm"})
  void partsOfNamesAreTyposAndRefusedWithWhatTheModelHas(String name) {
    assertThatThrownBy(() -> copies(name))
        .isInstanceOf(LoraException.class)
        .hasMessage(
            "modules to save [%s] match nothing in BloomForCausalLM; it has: word_embeddings x1,"
                    .formatted(name)
                + " word_embeddings_layernorm x1, input_layernorm x24, query_key_value x24, dense"
                + " x24, post_attention_layernorm x24, dense_h_to_4h x24, dense_4h_to_h x24, ln_f"
                + " x1, lm_head x1");
  }

  /** As PEFT counts: 786,432 of the pairs, and a copy beside the table that the head shares. */
  @Test
  void aTiedHeadIsCopiedAsAMatrixOfItsOwn() {
    LoraPlan plan = LoraPlan.of(BLOOM, config().modulesToSave("lm_head").build());

    assertThat(plan.copies())
        .containsExactly(new ParameterInfo("lm_head.weight", List.of(250_880L, 1024L)));
    assertThat(plan.parameterCount().trainable()).isEqualTo(786_432 + 250_880L * 1024);
    assertThat(plan.parameterCount().all()).isEqualTo(560_001_024 + 250_880L * 1024);
    assertThat(plan.fileBytes()).isGreaterThan(4 * (786_432 + 250_880L * 1024));
    assertThat(plan.toString()).contains("1 parameters of whole modules [lm_head]");
  }

  @Test
  void copiedModulesGetNoPair() {
    LoraPlan plan = LoraPlan.of(BLOOM, config().targetModules("dense", "query_key_value").build());
    LoraPlan without =
        LoraPlan.of(
            BLOOM,
            config()
                .targetModules("dense", "query_key_value")
                .modulesToSave("h.0.self_attention")
                .build());

    assertThat(plan.pairs()).hasSize(48);
    assertThat(without.pairs())
        .hasSize(46)
        .noneMatch(pair -> pair.path().startsWith("transformer.h.0."));
  }

  @Test
  void biasesOfCopiedModulesAreCountedOnce() {
    LoraConfig config = config().bias(Bias.ALL).modulesToSave("ln_f", "dense").build();

    LoraPlan plan = LoraPlan.of(BLOOM, config);

    assertThat(plan.biases()).doesNotContainAnyElementsOf(plan.copies());
    assertThat(plan.biases().size() + 25).isEqualTo(24 * 6 + 2); // all of the model
  }

  @ParameterizedTest
  @CsvSource({"''", "' '", ".head", "head."})
  void namesThatCannotBeAreRefused(String name) {
    assertThatThrownBy(() -> config().modulesToSave(name).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("modules to save need names or ends of paths, got '" + name + "'");
  }

  /** PEFT: test_save_load_roundtrip, test_parameters_after_loading_model. */
  @Test
  void copiesAreTrainedSavedAndLoadedAndTheBaseStays() throws IOException {
    LoraConfig config = LoraConfig.builder().rank(2).targetModules("up").build();
    LoraConfig whole = config.toBuilder().modulesToSave("head", "norm", "down").build();
    TensorData x = matrix(3, 6);
    TensorData before = base.forward(x);
    TensorData after;

    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, whole)) {
      assertThat(peft.model().forward(x)).isEqualTo(before);
      Map<String, TensorData> gradients = peft.model().gradients(x, matrix(3, 5));
      gradients.remove("x");
      assertThat(gradients.keySet()).isEqualTo(peft.model().adapter().keySet());
      gradients.forEach(
          (name, gradient) -> step(requireNonNull(peft.model().adapter().get(name)), gradient));
      after = peft.model().forward(x);
      peft.save(directory);
      assertThat(Files.size(directory.resolve("adapter_model.safetensors")))
          .isEqualTo(peft.plan().fileBytes());
    }

    assertThat(after).isNotEqualTo(before);
    assertThat(base.forward(x)).isEqualTo(before);
    assertThat(Files.readString(directory.resolve("adapter_config.json")))
        .contains("\"modules_to_save\": [\n    \"head\",\n    \"norm\",\n    \"down\"\n  ]");
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, directory)) {
      assertThat(peft.config().modulesToSave()).containsExactly("head", "norm", "down");
      assertThat(peft.model().forward(x)).isEqualTo(after);
    }
  }

  private static void step(TensorData value, TensorData gradient) {
    for (int i = 0; i < gradient.values().length; i++) {
      value.values()[i] -= 0.1f * gradient.values()[i];
    }
  }

  private static TensorData matrix(int rows, int columns) {
    Random random = new Random(rows * 31L + columns);
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return TensorData.matrix(rows, columns, values);
  }

  @Test
  void aCopyThatIsMissingIsListed() throws IOException {
    LoraConfig config = LoraConfig.builder().rank(2).targetModules("up").build();
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config)) {
      peft.save(directory);
    }
    Path file = directory.resolve("adapter_config.json");
    Files.writeString(
        file,
        Files.readString(file)
            .replace("\"modules_to_save\": null", "\"modules_to_save\": [\"head\"]"));

    assertThatThrownBy(() -> PeftModel.fromPretrained(base, directory))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("(1 of 5 tensors)")
        .hasMessageContaining("head.weight: missing, model (5, 6)");
  }

  /** PEFT adds its heads to the modules to save of every adapter for classification. */
  @ParameterizedTest
  @ValueSource(strings = {"SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS"})
  void adaptersOfClassifiersAreRefusedWithTheReason(String task) throws IOException {
    LoraConfig config = LoraConfig.builder().rank(2).targetModules("up").build();
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config)) {
      peft.save(directory);
    }
    Path file = directory.resolve("adapter_config.json");
    Files.writeString(
        file,
        Files.readString(file)
            .replace(
                "\"modules_to_save\": null", "\"modules_to_save\": [\"classifier\", \"score\"]")
            .replace("\"task_type\": null", "\"task_type\": \"" + task + "\""));

    assertThatThrownBy(() -> PeftModel.fromPretrained(base, directory))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining(
            "it is made for %s and brings a head of its own in [classifier, score], which Mlp has not;"
                .formatted(task))
        .hasMessageContaining("train an adapter with task type CAUSAL_LM");
  }

  /** PEFT: TestPeftStateDict, _test_save_pretrained_adapter_name_substring. */
  @ParameterizedTest
  @ValueSource(
      strings = {"lora", "weight", "bias", "head", "default2", "other_default", "efaul", "lora_A"})
  void namesOfAdaptersReachNoTensor(String name) throws IOException {
    LoraConfig config =
        LoraConfig.builder()
            .rank(2)
            .targetModules("up", "down")
            .init(LoraInit.RANDOM)
            .bias(Bias.LORA_ONLY)
            .modulesToSave("head")
            .build();
    Path own = directory.resolve(name);
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config);
        PeftModel<FloatMlp> other = PeftModel.wrap(base, config, 5)) {
      other.save(directory);
      peft.save(own);

      try (PeftModel<FloatMlp> loaded = PeftModel.fromPretrained(base, own)) {
        assertThat(loaded.tensors()).isEqualTo(peft.tensors());
      }
      try (PeftModel<FloatMlp> loaded = PeftModel.fromPretrained(base, directory)) {
        assertThat(loaded.tensors()).isEqualTo(other.tensors()).isNotEqualTo(peft.tensors());
      }
    }
  }
}
