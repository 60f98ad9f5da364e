package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoraConfigFileTest {

  @TempDir Path directory;

  /** The same settings as in tools/golden/configs.py. */
  private static Map<String, LoraConfig> cases() {
    Map<String, LoraConfig> cases = new LinkedHashMap<>();
    cases.put("defaults", LoraConfig.builder().build());
    cases.put(
        "walkthrough",
        LoraConfig.builder()
            .rank(8)
            .alpha(16)
            .dropout(0.05)
            .targetModules("query_key_value")
            .bias(Bias.NONE)
            .taskType(TaskType.CAUSAL_LM)
            .baseModel("bigscience/bloom-3b")
            .build());
    cases.put(
        "patterns",
        LoraConfig.builder()
            .targetModules("dense")
            .rankPattern(Map.of("h.0.dense", 2, "^dense", 4, "a.b", 16))
            .alphaPattern(Map.of("h.1", 32.0, "h.0", 0.5))
            .rsLora(true)
            .build());
    cases.put(
        "regex",
        LoraConfig.builder()
            .targetModules(TargetModules.matching(".*\\.(q_proj|v_proj)$"))
            .excludeModules(TargetModules.matching(".*vision.*"))
            .init(LoraInit.GAUSSIAN)
            .build());
    cases.put(
        "layers",
        LoraConfig.builder()
            .targetModules("c_attn")
            .layersToTransform(0, 11)
            .layersPattern("h")
            .fanInFanOut(true)
            .build());
    cases.put(
        "bias",
        LoraConfig.builder()
            .targetModules("fc")
            .bias(Bias.LORA_ONLY)
            .init(LoraInit.RANDOM)
            .taskType(TaskType.SEQ_CLS)
            .rank(1)
            .build());
    cases.put(
        "numbers",
        LoraConfig.builder()
            .targetModules("fc")
            .dropout(1e-5)
            .alpha(12.5)
            .excludeModules("head")
            .build());
    cases.put(
        "text",
        LoraConfig.builder()
            .targetModules("fc")
            .baseModel("/models/\"größe\" \\ 漢😀\u007f")
            .revision(java.util.Optional.of("main"))
            .build());
    return cases;
  }

  @TestFactory
  Stream<DynamicTest> bytesAreThoseOfPeft() {
    return cases().entrySet().stream()
        .map(
            entry ->
                DynamicTest.dynamicTest(
                    entry.getKey(),
                    () ->
                        assertThat(entry.getValue().toJson())
                            .isEqualTo(Files.readString(golden(entry.getKey())))));
  }

  @TestFactory
  Stream<DynamicTest> filesOfPeftAreRead() {
    return cases().entrySet().stream()
        .map(
            entry ->
                DynamicTest.dynamicTest(
                    entry.getKey(),
                    () -> {
                      LoraConfig read = LoraConfig.read(golden(entry.getKey()));

                      assertThat(read.toBuilder().otherSettings(Map.of()).build())
                          .isEqualTo(entry.getValue());
                      assertThat(read.toJson()).isEqualTo(entry.getValue().toJson());
                    }));
  }

  private static Path golden(String name) {
    return Golden.path("configs/" + name + "/adapter_config.json");
  }

  @Test
  void directoryOfAnAdapterIsRead() throws IOException {
    assertThat(LoraConfig.read(Golden.path("configs/walkthrough")).rank()).isEqualTo(8);
  }

  @Test
  void fileOfPeft02IsRead() throws IOException {
    LoraConfig config =
        read(
            """
            {
              "base_model_name_or_path": "bigscience/bloom-560m",
              "bias": "none",
              "enable_lora": null,
              "fan_in_fan_out": false,
              "inference_mode": true,
              "lora_alpha": 32,
              "lora_dropout": 0.05,
              "merge_weights": false,
              "modules_to_save": null,
              "peft_type": "LORA",
              "r": 16,
              "target_modules": ["query_key_value"],
              "task_type": "CAUSAL_LM"
            }
            """);

    assertThat(config.rank()).isEqualTo(16);
    assertThat(config.alpha()).isEqualTo(32);
    assertThat(config.baseModel()).contains("bigscience/bloom-560m");
    assertThat(
            JsonParser.parseString(config.toJson())
                .getAsJsonObject()
                .get("merge_weights")
                .getAsBoolean())
        .isFalse();
  }

  @Test
  void nothingButTheTypeIsNeeded() throws IOException {
    LoraConfig config = read("{\"peft_type\":\"LORA\"}");

    assertThat(config).isEqualTo(LoraConfig.builder().build());
  }

  @Test
  void unknownKeysSurviveARoundTrip() throws IOException {
    String extra =
        "\"zzz\":{\"b\":[1,2.50,1e-7,null,true,{}],\"a\":\"ä\\n\"},\"domain\":\"general\",\"empty\":[]";
    LoraConfig config = read("{\"peft_type\":\"LORA\"," + extra + "}");

    JsonObject written = JsonParser.parseString(config.toJson()).getAsJsonObject();
    JsonObject expected = JsonParser.parseString("{" + extra + "}").getAsJsonObject();
    expected.keySet().forEach(key -> assertThat(written.get(key)).isEqualTo(expected.get(key)));
    assertThat(config.toJson()).contains("2.50", "1e-7", "\\u00e4\\n");
    assertThat(read(config.toJson()).toJson()).isEqualTo(config.toJson());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"modules_to_save\":[]",
        "\"loftq_config\":null",
        "\"use_bdlora\":false",
        "\"layer_replication\":[]",
        "\"megatron_core\":\"other\"",
        "\"qalora_group_size\":32",
        "\"runtime_config\":{\"ephemeral_gpu_offload\":true}",
        "\"init_lora_weights\":\"Gaussian\"",
        "\"exclude_modules\":[]",
        "\"layers_pattern\":\"\"",
        "\"layers_to_transform\":[]",
        "\"rank_pattern\":null"
      })
  void settingsThatSayNothingAreTaken(String setting) throws IOException {
    LoraConfig config = read("{\"peft_type\":\"LORA\",\"target_modules\":[\"q\"]," + setting + "}");

    assertThat(config.excludeModules()).isEmpty();
    assertThat(config.layersPattern()).isEmpty();
  }

  private LoraConfig read(String text) throws IOException {
    return LoraConfig.read(write(text));
  }

  private Path write(String text) throws IOException {
    return Files.write(
        directory.resolve("adapter_config.json"), text.getBytes(StandardCharsets.UTF_8));
  }
}
