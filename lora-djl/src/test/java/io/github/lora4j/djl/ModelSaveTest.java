package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.Bias;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.io.DType;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.ParameterInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Saved models: loaded again they give the same bits, and their files are those of transformers.
 */
final class ModelSaveTest {

  private static final int[] ROW = {5, 40, 17, 99, 8};

  private final Path temp;
  private final Path saved;
  private final TinyCheckpoint checkpoint;

  ModelSaveTest(@TempDir Path temp) throws IOException {
    this.temp = temp;
    this.saved = temp.resolve("saved");
    this.checkpoint = new TinyCheckpoint(temp.resolve("model"));
  }

  @ParameterizedTest
  @CsvSource({
    "F32, FP32, float32",
    "F32, BF16, bfloat16",
    "BF16, BF16, bfloat16",
    "F16, FP16, float16",
    "BF16, FP32, float32"
  })
  void savedModelComesBackBitForBit(DType stored, Precision precision, String type)
      throws IOException {
    checkpoint.weights(TinyCheckpoint.tensors(), stored);
    float[][] logits;
    try (CausalLm base = checkpoint.load(precision);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.ALL));
        CausalLm merged = peft.merge()) {
      merged.save(saved);
      logits = merged.logits(ROW)[0];
    }

    try (CausalLm loaded = load(precision)) {
      assertThat(loaded.logits(ROW)[0]).isDeepEqualTo(logits);
      assertThat(loaded.tokenizer().encode("the cat")).isNotEmpty();
      assertThat(loaded.modules().baseName()).isEqualTo("saved");
    }
    assertThat(config().get("dtype").getAsString()).isEqualTo(type);
  }

  /** Vectors too are in the type of the matrices, unless that would round them. */
  @Test
  void tensorsHaveTheNamesAndTypesOfTheCheckpoint() throws IOException {
    checkpoint.weights(TinyCheckpoint.tensors(), DType.BF16);
    Map<String, DType> original = types(checkpoint.directory);
    try (CausalLm base = checkpoint.load(Precision.BF16);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.LORA_ONLY));
        CausalLm merged = peft.merge()) {
      merged.save(saved);
      base.save(temp.resolve("base"));

      assertThat(types(saved)).isEqualTo(original); // biases that were not trained lose nothing
      assertThat(types(saved).keySet())
          .containsExactlyInAnyOrderElementsOf(
              base.modules().parameters().stream().map(ParameterInfo::name).toList())
          .doesNotContain("lm_head.weight");
      peft.model().adapter().orElseThrow().flatValues().muli(1.001f);
      try (CausalLm trained = peft.merge()) {
        trained.save(saved);
      }
    }

    assertThat(types(saved))
        .containsEntry("transformer.h.0.self_attention.query_key_value.weight", DType.BF16)
        .containsEntry("transformer.h.0.self_attention.query_key_value.bias", DType.F32)
        .containsEntry("transformer.h.0.self_attention.dense.bias", DType.BF16);
    assertThat(temp.resolve("base/model.safetensors"))
        .hasSameBinaryContentAs(checkpoint.file(TinyCheckpoint.WEIGHTS));
  }

  @Test
  void shardsHaveAnIndexAndReplaceASingleFile() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.FP32);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.NONE));
        CausalLm merged = peft.merge()) {
      merged.save(saved);
      assertThat(saved.resolve("model.safetensors")).exists();
      Files.writeString(saved.resolve("notes.txt"), "mine");

      merged.save(saved, 40_000);

      assertThat(saved.resolve("model.safetensors")).doesNotExist();
      assertThat(saved.resolve("notes.txt")).hasContent("mine");
      List<String> shards = shards();
      assertThat(shards).hasSizeGreaterThan(2);
      for (String shard : shards) {
        assertThat(Files.size(saved.resolve(shard))).isLessThan(40_000 + 4_000);
      }
      try (CausalLm loaded = load(Precision.FP32)) {
        assertThat(loaded.logits(ROW)).isDeepEqualTo(merged.logits(ROW));
      }

      merged.save(saved);
      assertThat(shards()).isEmpty();
      assertThat(saved.resolve("model.safetensors.index.json")).doesNotExist();
      load(Precision.FP32).close();
    }
  }

  private List<String> shards() {
    return java.util.Arrays.stream(java.util.Objects.requireNonNull(saved.toFile().list()))
        .filter(name -> name.startsWith("model-"))
        .toList();
  }

  @Test
  void filesOfTokenizerAndGenerationComeAlongAndOthersDoNot() throws IOException {
    checkpoint
        .text("generation_config.json", "{\"eos_token_id\": 2}")
        .text("special_tokens_map.json", "{}")
        .text("README.md", "about another model")
        .text("optimizer.pt", "state")
        .config(
            json -> {
              json.addProperty("_name_or_path", "acme/base");
              json.remove("dtype");
              json.addProperty("torch_dtype", "float32");
            });
    Files.createDirectory(checkpoint.file("tokenizer.model"));
    try (CausalLm base = checkpoint.load(Precision.BF16)) {
      base.save(saved);
    }

    assertThat(saved.toFile().list())
        .containsExactlyInAnyOrder(
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "special_tokens_map.json",
            "tokenizer.json",
            "tokenizer_config.json");
    for (String name : List.of("tokenizer.json", "generation_config.json")) {
      assertThat(saved.resolve(name)).hasSameBinaryContentAs(checkpoint.file(name));
    }
    assertThat(config().get("torch_dtype").getAsString()).isEqualTo("bfloat16");
    assertThat(config().has("_name_or_path")).isFalse();
    assertThat(config().has("dtype")).isFalse();
    assertThat(config().get("layer_norm_epsilon").getAsString()).isEqualTo("1e-05");
  }

  @Test
  void chatTemplatesWithNamesComeAlongAndOldOnesGo() throws IOException {
    Path named = Files.createDirectory(checkpoint.file("additional_chat_templates"));
    Files.writeString(named.resolve("tool_use.jinja"), "tools");
    Files.writeString(named.resolve("notes.txt"), "no template");
    Path target = Files.createDirectories(saved.resolve("additional_chat_templates"));
    Files.writeString(target.resolve("rag.jinja"), "of another model");

    try (CausalLm base = checkpoint.load(Precision.FP32)) {
      base.save(saved);
    }

    assertThat(target.toFile().list()).containsExactly("tool_use.jinja");
    assertThat(target.resolve("tool_use.jinja")).hasContent("tools");
  }

  @Test
  void failedSaveLeavesNothing() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.FP32)) {
      base.save(saved);
      byte[] before = Files.readAllBytes(saved.resolve("model.safetensors"));
      checkpoint.without("config.json");

      for (Path target : List.of(saved, temp.resolve("other"))) {
        assertThatThrownBy(() -> base.save(target))
            .isInstanceOf(NoSuchFileException.class)
            .hasMessageContaining("config.json: missing; wanted the configuration of the saved");
      }

      assertThat(temp.resolve("other")).doesNotExist();
      assertThat(Files.readAllBytes(saved.resolve("model.safetensors"))).isEqualTo(before);
      assertThat(saved.toFile().list()).hasSize(4);
    }
  }

  @Test
  void directoryOfTheBaseIsRefused() throws IOException {
    Path link = Files.createSymbolicLink(temp.resolve("link"), checkpoint.directory);
    byte[] before = Files.readAllBytes(checkpoint.file(TinyCheckpoint.WEIGHTS));
    try (CausalLm base = checkpoint.load(Precision.BF16)) {
      for (Path same : List.of(checkpoint.directory, link)) {
        assertThatThrownBy(() -> base.save(same))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage(
                "'%s' is where the base was loaded from, which stays as it is; save to another directory"
                    .formatted(same));
      }
    }

    assertThat(Files.readAllBytes(checkpoint.file(TinyCheckpoint.WEIGHTS))).isEqualTo(before);
  }

  @Test
  void viewIsRefused() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.FP32);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.NONE))) {
      assertThatThrownBy(() -> peft.model().save(saved))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "this is a view of a base with an adapter beside it: save what merge() of its"
                  + " PeftModel gives, or the adapter alone by PeftModel.save");
    }
  }

  @Test
  void int8IsRefusedWithTheWayOut() throws IOException {
    try (CausalLm base =
        new BloomGolden("power-of-two").load(new Arithmetic(ScalarType.INT8, ScalarType.FP32))) {
      assertThatThrownBy(() -> base.save(saved))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage(
              "matrices in INT8 are rounded for this process and no checkpoint holds them: load the"
                  + " base in BF16, FP16 or FP32, merge and save that");
    }
    assertThat(saved).doesNotExist();
  }

  private JsonObject config() throws IOException {
    return JsonParser.parseString(Files.readString(saved.resolve("config.json"))).getAsJsonObject();
  }

  private static Map<String, DType> types(Path directory) throws IOException {
    try (Safetensors files = Safetensors.open(directory)) {
      assertThat(files.metadata()).containsExactly(Map.entry("format", "pt"));
      return files.tensors().stream()
          .collect(Collectors.toMap(TensorEntry::name, TensorEntry::dtype));
    }
  }

  private CausalLm load(Precision precision) throws IOException {
    return CausalLm.load(saved, LoadOptions.builder().precision(precision).build());
  }

  private static LoraConfig config(Bias bias) {
    return LoraConfig.builder()
        .rank(2)
        .alpha(4)
        .init(LoraInit.RANDOM)
        .bias(bias)
        .targetModules("query_key_value")
        .build();
  }
}
