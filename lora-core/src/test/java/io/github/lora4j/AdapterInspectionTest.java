package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.io.DType;
import io.github.lora4j.io.RawTorch;
import io.github.lora4j.io.TensorFileException;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatArrayBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An adapter's files are checked against each other as loading checks them against a base. */
class AdapterInspectionTest {

  private static final String UP = "base_model.model.layers.0.up";

  private final Map<String, TensorData> tensors = new LinkedHashMap<>();

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mlp/one-target",
        "mlp/both-targets",
        "mlp/rank-stabilised",
        "mlp/patterns",
        "mlp/layer",
        "mlp/all-linear",
        "mlp/bias-all",
        "mlp/bias-lora-only",
        "mlp/dora",
        "mlp/dora-patterns",
        "torch/adapter",
        "torch/adapter-stream"
      })
  void adapterOfPeftIsOfOnePieceAndFitsItsBase(String name) throws IOException {
    AdapterFiles files = AdapterFiles.in(Golden.path(name));
    ModuleTree base = new FloatArrayBackend().modules(PeftGoldenTest.base());

    AdapterInspection alone = AdapterInspection.of(files);

    assertThat(alone).isEqualTo(AdapterInspection.of(files, base));
    assertThat(alone.config()).isEqualTo(LoraConfig.read(Golden.path(name)));
    assertThat(alone.types()).containsExactly(DType.F32);
    try (PeftModel<?> peft = PeftModel.fromPretrained(PeftGoldenTest.base(), Golden.path(name))) {
      assertThat(alone.tensors()).isEqualTo(peft.tensors().size());
      assertThat(alone.bytes())
          .isEqualTo(peft.tensors().values().stream().mapToLong(t -> 4L * t.values().length).sum());
    }
  }

  @Test
  void targetsThatAreLeftToTheBaseAreThoseOfTheFile() throws IOException {
    pair(2, 6, 10);
    write("\"r\":2");

    assertThat(AdapterInspection.of(AdapterFiles.in(directory)).tensors()).isEqualTo(2);
  }

  @Test
  void rankOfTheConfigurationMustBeThatOfTheTensors() throws IOException {
    pair(2, 6, 10);
    write("\"r\":4,\"target_modules\":[\"up\"],\"base_model_name_or_path\":\"acme/mlp\"");

    refused(
        "adapter '%s', made for acme/mlp, does not fit the modules that its file names (2 of 2"
            + " tensors)",
        "layers.0.up.lora_A: file (2, 6), model (4, 6)",
        "layers.0.up.lora_B: file (10, 2), model (10, 4)");
  }

  @Test
  void tensorsOfOneModuleMustBeOfOneRank() throws IOException {
    pair(2, 6, 10);
    tensors.put(UP + ".lora_B.weight", TensorData.matrix(10, 3, new float[30]));
    write("\"r\":2,\"target_modules\":[\"up\"]");

    refused("layers.0.up.lora_B: file (10, 3), model (10, 2)");
  }

  @Test
  void moduleThatIsNoTargetIsRefused() throws IOException {
    pair(2, 6, 10);
    tensors.put("base_model.model.x.lora_A.weight", TensorData.matrix(2, 3, new float[6]));
    tensors.put("base_model.model.x.lora_B.weight", TensorData.matrix(3, 2, new float[6]));
    write("\"r\":2,\"target_modules\":[\"up\"]");

    refused(
        "x.lora_A.weight: not a tensor of this adapter, refused", "(0 of 2 tensors, 2 foreign)");
  }

  /** PEFT trains the head of a classifier whole without naming it in the configuration. */
  @ParameterizedTest
  @CsvSource({"SEQ_CLS, score", "TOKEN_CLS, classifier", "QUESTION_ANS, qa_outputs"})
  void headOfItsTaskBelongsToAnAdapter(String task, String head) throws IOException {
    pair(2, 6, 10);
    String key = "base_model.model." + head + ".weight";
    tensors.put(key, TensorData.matrix(3, 6, new float[18]));
    write("\"r\":2,\"target_modules\":[\"up\"],\"task_type\":\"" + task + "\"");

    AdapterInspection found = AdapterInspection.of(AdapterFiles.in(directory));

    assertThat(found.config().modulesToSave()).containsExactly(head);
    assertThatThrownBy(
            () ->
                AdapterInspection.of(
                    AdapterFiles.in(directory),
                    new FloatArrayBackend().modules(PeftGoldenTest.base())))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining(
            "it is made for " + task + " and brings a head of its own in [" + head);
    write("\"r\":2,\"target_modules\":[\"up\"],\"task_type\":\"CAUSAL_LM\"");
    refused(head + ".weight: not a tensor of this adapter, refused");
  }

  @Test
  void weightsOfABaseAreRefused() throws IOException {
    pair(2, 6, 10);
    tensors.put(UP + ".base_layer.weight", TensorData.matrix(10, 6, new float[60]));
    tensors.put("base_model.model.norm.weight", new TensorData(List.of(6L), new float[6]));
    tensors.put("base_model.model.head.weight", TensorData.matrix(5, 6, new float[30]));
    write("\"r\":2,\"target_modules\":[\"up\"]");

    refused(
        "(0 of 2 tensors, 3 foreign)",
        "layers.0.up.base_layer.weight: not a tensor of this adapter, refused",
        "norm.weight: not a tensor of this adapter, refused",
        "head.weight: not a tensor of this adapter, refused",
        "remove what is refused, or name it in target_modules, modules_to_save or bias");
  }

  @Test
  void modulesThatAreSavedWholeMayBeThere() throws IOException {
    pair(2, 6, 10);
    tensors.put("base_model.model.norm.weight", new TensorData(List.of(6L), new float[6]));
    tensors.put("base_model.model.score.dense.weight", TensorData.matrix(5, 6, new float[30]));
    tensors.put("base_model.model.score.dense.bias", new TensorData(List.of(5L), new float[5]));
    write("\"r\":2,\"target_modules\":[\"up\"],\"modules_to_save\":[\"norm\",\"score\"]");

    assertThat(AdapterInspection.of(AdapterFiles.in(directory)).tensors()).isEqualTo(5);
  }

  @Test
  void targetsThatTheFileLacksAreNamed() throws IOException {
    pair(2, 6, 10);
    write("\"r\":2,\"target_modules\":[\"q_proj\"]");

    refused("target modules [q_proj] match nothing in the modules that its file names; it has: up");
  }

  @Test
  void halfAPairIsRefused() throws IOException {
    tensors.put(UP + ".lora_A.weight", TensorData.matrix(2, 6, new float[12]));
    tensors.put("base_model.model.y.lora_B.weight", TensorData.matrix(2, 6, new float[12]));
    write("\"r\":2");

    refused(
        "wanted a lora_A (rank, in) and a lora_B (out, rank) for each module",
        "layers.0.up: lora_B is missing",
        "y: lora_A is missing");
  }

  @Test
  void pairThatIsNoMatrixIsRefused() throws IOException {
    tensors.put(UP + ".lora_A.weight", new TensorData(List.of(2L, 3L, 1L, 1L), new float[6]));
    tensors.put(UP + ".lora_B.weight", new TensorData(List.of(0L, 1L << 40), new float[0]));
    write("\"r\":2");

    refused("layers.0.up: [2, 3, 1, 1] and [0, 1099511627776] are not two matrices");
  }

  @Test
  void fileWithoutAnyPairIsRefused() throws IOException {
    write("\"r\":2");
    refused("wanted pairs of lora_A and lora_B, its file holds no tensor; have it saved anew");

    tensors.put("prompt_embeddings", TensorData.matrix(2, 6, new float[12]));
    write("\"r\":2");
    refused("its file holds 1 other tensors, the first 'prompt_embeddings'");
  }

  @Test
  void elementThatIsNotFiniteIsRefused() throws IOException {
    pair(2, 6, 10);
    tensors.values().iterator().next().values()[3] = Float.NaN;
    write("\"r\":2,\"target_modules\":[\"up\"]");

    refused("layers.0.up.lora_A: element 3 is NaN");
  }

  @Test
  void otherMethodsAreRefusedByName() throws IOException {
    for (String type :
        List.of("ADALORA", "IA3", "LOHA", "LOKR", "VERA", "PREFIX_TUNING", "P_TUNING", "OFT")) {
      pair(2, 6, 10);
      write("\"peft_type\":\"%s\"".formatted(type));

      refused("peft_type '" + type + "' is not supported");
    }
  }

  @Test
  void missingAndDamagedFilesAreNamed() throws IOException {
    AdapterFiles files = AdapterFiles.in(directory);
    assertThatThrownBy(() -> AdapterInspection.of(files))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("adapter_config.json: missing");

    pair(2, 6, 10);
    write("\"r\":2");
    Path weights = directory.resolve("adapter_model.bin");
    Files.write(weights, java.util.Arrays.copyOf(Files.readAllBytes(weights), 200));
    assertThatThrownBy(() -> AdapterInspection.of(files)).isInstanceOf(TensorFileException.class);

    Files.delete(weights);
    assertThatThrownBy(() -> AdapterInspection.of(files))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("the directory holds a configuration but no weights");
  }

  private void pair(int rank, int in, int out) {
    tensors.put(UP + ".lora_A.weight", TensorData.matrix(rank, in, new float[rank * in]));
    tensors.put(UP + ".lora_B.weight", TensorData.matrix(out, rank, new float[rank * out]));
  }

  private void write(String settings) throws IOException {
    String type = settings.contains("peft_type") ? "" : "\"peft_type\":\"LORA\",";
    Files.writeString(directory.resolve("adapter_config.json"), "{%s%s}".formatted(type, settings));
    RawTorch.write(directory.resolve("adapter_model.bin"), tensors);
  }

  private void refused(String... parts) {
    for (String part : parts) {
      assertThatThrownBy(() -> AdapterInspection.of(AdapterFiles.in(directory)))
          .isInstanceOf(LoraException.class)
          .hasMessageContaining(part.replace("%s", String.valueOf(directory.getFileName())));
    }
  }
}
