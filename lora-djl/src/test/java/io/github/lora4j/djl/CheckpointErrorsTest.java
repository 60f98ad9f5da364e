package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import ai.djl.Device;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.io.DType;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a user reads when a checkpoint is not what it should be: one message that says it all. */
final class CheckpointErrorsTest {

  private final Path temp;
  private final TinyCheckpoint checkpoint;

  CheckpointErrorsTest(@TempDir Path temp) throws IOException {
    this.temp = temp;
    checkpoint = new TinyCheckpoint(temp.resolve("model"));
  }

  @Test
  void missingDirectory() {
    Path missing = temp.resolve("nowhere");

    assertThat(message(missing, LoadOptions.builder().build()))
        .isEqualTo(
            missing
                + ": not a directory; wanted a model directory with config.json, tokenizer.json,"
                + " tokenizer_config.json and model.safetensors");
  }

  @Test
  void missingFilesOfADirectory() throws IOException {
    for (String name : List.of("config.json", "tokenizer.json")) {
      TinyCheckpoint other = new TinyCheckpoint(temp.resolve("without-" + name)).without(name);

      assertThat(message(other.directory, LoadOptions.builder().build()))
          .startsWith(other.file(name) + ": missing; wanted ")
          .hasLineCount(1);
    }
  }

  @Test
  void specialTokensComeFromTheConfigWhereTheTokenizersIsMissing() throws IOException {
    try (Tokenizer whole = Tokenizer.load(checkpoint.directory)) {
      checkpoint.without("tokenizer_config.json");

      try (Tokenizer tokenizer = Tokenizer.load(checkpoint.directory)) {
        assertThat(tokenizer.eosId()).isPresent().isEqualTo(whole.eosId());
      }
    }
  }

  @Test
  void missingWeights() throws IOException {
    checkpoint.without(TinyCheckpoint.WEIGHTS);

    assertThat(message())
        .isEqualTo(
            checkpoint.directory
                + ": holds neither model.safetensors nor model.safetensors.index.json");
  }

  @Test
  void modelOfAnotherFamily() throws IOException {
    checkpoint.config(json -> json.addProperty("model_type", "mamba"));

    assertThat(message())
        .isEqualTo(
            checkpoint.file("config.json")
                + ": model_type 'mamba' is not supported; supported: [bloom, falcon, gemma2,"
                + " gemma3_text, gpt2, gpt_neox, llama, mistral, opt, phi, phi3, qwen2, qwen3]; a model"
                + " of another family is adapted as a DJL Block");
  }

  /** Near relatives and others; their own settings are not looked at. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "mixtral",
        "bert",
        "t5",
        "gemma",
        "gemma3",
        "gptj",
        "qwen3_moe",
        "llama4",
        "deepseek_v3"
      })
  void modelsOfOtherFamiliesAreRefusedBeforeTheirSettings(String type) throws IOException {
    checkpoint.config(
        json -> {
          json.addProperty("model_type", type);
          json.add("quantization_config", new JsonObject());
          json.remove("hidden_size");
        });

    assertThat(message())
        .startsWith(
            "%s: model_type '%s' is not supported; supported: [bloom, "
                .formatted(checkpoint.file("config.json"), type));
  }

  @Test
  void configurationWithoutAFamily() throws IOException {
    checkpoint.config(json -> json.remove("model_type"));

    assertThat(message()).isEqualTo(checkpoint.file("config.json") + ": model_type is missing");
  }

  @Test
  void damagedConfiguration() throws IOException {
    checkpoint.truncated("config.json", 0.5);
    assertThat(message())
        .startsWith(checkpoint.file("config.json") + " is not JSON: ")
        .hasLineCount(1);

    checkpoint.text("config.json", "[]");
    assertThat(message()).isEqualTo(checkpoint.file("config.json") + ": wanted a JSON object");

    Files.write(checkpoint.file("config.json"), new byte[] {'{', (byte) 0xFF, (byte) 0xFE, '}'});
    assertThat(message())
        .isEqualTo(checkpoint.file("config.json") + " is not JSON: it is no UTF-8 text");
  }

  @Test
  void shapesThatAreNoShapesAreListedTogether() throws IOException {
    checkpoint.config(
        json -> {
          json.remove("vocab_size");
          json.addProperty("n_layer", -2);
          json.addProperty("n_head", 5);
          json.addProperty("layer_norm_epsilon", 0);
        });

    assertThat(message())
        .isEqualTo(
            checkpoint.file("config.json")
                + ": vocab_size is missing or 0; n_layer must be positive, got -2;"
                + " n_embed 32 must divide by n_head 5; layer_norm_epsilon must be positive, got"
                + " 0.0");
  }

  @Test
  void endlessLayersAreRefusedBeforeTheyAreNamed() throws IOException {
    checkpoint.config(json -> json.addProperty("n_layer", 2_000_000_000));

    assertThat(message()).endsWith("n_layer must be at most 10000, got 2000000000");
  }

  @Test
  void valuesOfTheWrongKind() throws IOException {
    checkpoint.config(json -> json.addProperty("n_layer", "two"));
    assertThat(message())
        .isEqualTo(checkpoint.file("config.json") + ": n_layer must be a number, got \"two\"");

    checkpoint.config(json -> json.addProperty("n_layer", 1.5));
    assertThat(message())
        .isEqualTo(checkpoint.file("config.json") + ": n_layer must be a whole number, got 1.5");

    checkpoint.config(json -> json.add("model_type", new JsonArray()));
    assertThat(message())
        .isEqualTo(checkpoint.file("config.json") + ": model_type must be a text, got []");
  }

  @Test
  void variantOfTheArchitectureThatIsNotImplemented() throws IOException {
    checkpoint.config(json -> json.addProperty("apply_residual_connection_post_layernorm", true));

    assertThat(message())
        .isEqualTo(
            checkpoint.file("config.json")
                + ": apply_residual_connection_post_layernorm is true; only false is supported");
  }

  @Test
  void allWrongTensorsAreListedInOneError() throws IOException {
    Map<String, TensorData> tensors = TinyCheckpoint.tensors();
    TensorData norm = requireNonNull(tensors.remove("transformer.ln_f.weight"));
    tensors.put("transformer.ln_g.weight", norm);
    tensors.put("transformer.ln_f.bias", new TensorData(List.of(4L, 8L), norm.values()));
    tensors.remove("transformer.h.1.mlp.dense_h_to_4h.weight");
    checkpoint.weights(tensors, DType.F32);

    assertThat(message())
        .isEqualTo(
            """
            the checkpoint does not fit model (bloom, 2 layers of width 32) (4 problems with 29 wanted tensors):
              transformer.h.1.mlp.dense_h_to_4h.weight: missing, wanted (128, 32)
              transformer.ln_f.weight: missing, wanted (32)
              transformer.ln_f.bias: file (4, 8), model (32)
              transformer.ln_g.weight: not part of the model""");
  }

  @Test
  void checkpointOfAnotherSizeIsAShortList() throws IOException {
    checkpoint.config(json -> json.addProperty("hidden_size", 64));

    assertThat(message())
        .startsWith("the checkpoint does not fit model (bloom, 2 layers of width 64) (29 problems")
        .contains("transformer.word_embeddings.weight: file (101, 32), model (101, 64)")
        .endsWith("… and 9 more");
  }

  @Test
  void weightsStoredAsIntegers() throws IOException {
    checkpoint.weights(TinyCheckpoint.tensors(), DType.I32);

    assertThat(message())
        .contains("transformer.word_embeddings.weight: stored as I32, wanted a floating type");
  }

  @Test
  void truncatedWeights() throws IOException {
    checkpoint.truncated(TinyCheckpoint.WEIGHTS, 0.6);
    assertThat(message()).startsWith(checkpoint.file(TinyCheckpoint.WEIGHTS) + ": ");
    assertThat(message()).hasLineCount(1);

    checkpoint.truncated(TinyCheckpoint.WEIGHTS, 0.01);
    assertThat(message())
        .startsWith(checkpoint.file(TinyCheckpoint.WEIGHTS) + ": the header claims ")
        .endsWith("the file is truncated or not a safetensors file, fetch it again");
  }

  @Test
  void missingShard() throws IOException {
    checkpoint.sharded().without("model-00003.safetensors");

    assertThat(message())
        .startsWith(checkpoint.file(TinyCheckpoint.INDEX) + ": tensor 'transformer.")
        .endsWith(" is in shard 'model-00003.safetensors', which is missing");
  }

  @Test
  void shardOutsideTheDirectory() throws IOException {
    checkpoint.text(
        TinyCheckpoint.INDEX, "{\"weight_map\": {\"a\": \"../elsewhere.safetensors\"}}");

    assertThat(message())
        .isEqualTo(
            checkpoint.file(TinyCheckpoint.INDEX)
                + ": tensor 'a' points to '../elsewhere.safetensors'; only files beside the index"
                + " are read");
  }

  @Test
  void damagedTokenizer() throws IOException {
    checkpoint.truncated("tokenizer.json", 0.7);
    assertThat(message())
        .startsWith(checkpoint.file("tokenizer.json") + " is not JSON: ")
        .hasLineCount(1);

    checkpoint.text("tokenizer.json", "{}");
    assertThat(message())
        .startsWith(checkpoint.file("tokenizer.json") + " is no tokenizer: ")
        .hasLineCount(1);

    checkpoint.text("tokenizer.json", "{\"added_tokens\": [{\"id\": 2}]}");
    assertThat(message())
        .isEqualTo(checkpoint.file("tokenizer.json") + ": added_tokens[0]: content is missing");

    Files.copy(TinyCheckpoint.GOLDEN.resolve("config.json"), checkpoint.file("copy.json"));
    checkpoint.text("tokenizer_config.json", "{\"eos_token\": 2}").without("tokenizer.json");
    Files.copy(TinyCheckpoint.GOLDEN.resolve("tokenizer.json"), checkpoint.file("tokenizer.json"));
    assertThat(message())
        .isEqualTo(checkpoint.file("tokenizer_config.json") + ": eos_token must be a text, got 2");
  }

  @Test
  void gpuThatIsNotThere() {
    Assumptions.assumeTrue(Engines.gpuCount() == 0, "this machine has a GPU");

    assertThat(message(checkpoint.directory, LoadOptions.builder().device(Device.gpu(0)).build()))
        .isEqualTo(
            "device gpu(0) is wanted, but PyTorch sees 0 GPUs; use Device.cpu() or add a CUDA"
                + " native to the class path");
  }

  private String message() {
    return message(checkpoint.directory, LoadOptions.builder().build());
  }

  /** A readable message: few lines, no class name, no link, nothing that is null. */
  private static String message(Path directory, LoadOptions options) {
    Throwable thrown = catchThrowable(() -> CausalLm.load(directory, options).close());
    assertThat(thrown).isInstanceOfAny(LoraException.class, IOException.class);
    String message = requireNonNull(thrown.getMessage());
    assertThat(message.lines().count()).isLessThanOrEqualTo(22);
    assertThat(message).doesNotContain("Exception", "https://", "null", "java.");
    return message;
  }
}
