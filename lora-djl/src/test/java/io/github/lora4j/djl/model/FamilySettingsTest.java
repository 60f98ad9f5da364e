package io.github.lora4j.djl.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.layer.RotaryFrequencies;
import io.github.lora4j.djl.model.gemma.GemmaConfig;
import io.github.lora4j.djl.model.gptneox.GptNeoxConfig;
import io.github.lora4j.djl.model.llama.LlamaConfig;
import io.github.lora4j.djl.model.llama.LlamaConfig.Family;
import io.github.lora4j.djl.model.phi.PhiConfig;
import io.github.lora4j.spi.ModuleTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a configuration may say that changes what is computed: refused by name where it is not
 * built, and taken as transformers takes it where the file does not say it.
 */
final class FamilySettingsTest {

  private static final Path FAMILIES = Path.of("src/test/resources/golden/families");

  @TempDir Path directory;

  static Stream<String> families() throws IOException {
    try (Stream<Path> found = Files.list(FAMILIES)) {
      return found.map(path -> path.getFileName().toString()).sorted().toList().stream();
    }
  }

  private ModuleTree tree(String family, String... members) throws IOException {
    Files.writeString(directory.resolve("config.json"), config(family, members).toString());
    return CausalLm.modules(directory);
  }

  private Json json(String family, String... members) throws IOException {
    Path file = directory.resolve("config.json");
    Files.writeString(file, config(family, members).toString());
    return Json.read(file, "the settings");
  }

  /** A golden configuration of a family, with members set, or left out where a value is empty. */
  private static JsonObject config(String family, String... members) throws IOException {
    JsonObject config =
        JsonParser.parseString(Files.readString(golden(family).resolve("config.json")))
            .getAsJsonObject();
    for (int i = 0; i < members.length; i += 2) {
      config.remove(members[i]);
      if (!members[i + 1].isEmpty()) {
        config.add(members[i], JsonParser.parseString(members[i + 1]));
      }
    }
    return config;
  }

  private static Path golden(String family) throws IOException {
    if (family.equals("bloom")) {
      return FAMILIES.resolveSibling("bloom/power-of-two/checkpoint");
    }
    try (Stream<Path> shapes = Files.list(FAMILIES.resolve(family))) {
      return shapes.sorted().toList().get(0).resolve("checkpoint");
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void anotherActivationIsRefusedByName(String family) throws IOException {
    List<String> keys = List.of("hidden_act", "activation_function", "activation");
    String key =
        family.startsWith("gemma")
            ? "hidden_activation"
            : keys.stream().filter(config(family)::has).findFirst().orElseThrow();

    assertThatThrownBy(() -> tree(family, key, "\"quick_gelu\""))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("config.json: %s 'quick_gelu' is not supported; supported: [", key);
  }

  static Stream<String> turning() throws IOException {
    return families().filter(family -> !List.of("gpt2", "opt").contains(family));
  }

  @ParameterizedTest
  @MethodSource("turning")
  void anotherRopeTypeIsRefusedByName(String family) {
    String other = "{\"rope_type\": \"mrope\", \"rope_theta\": 10000.0}";
    String parameters =
        family.equals("gemma3_text")
            ? "{\"full_attention\": %s, \"sliding_attention\": %s}".formatted(other, other)
            : other;

    assertThatThrownBy(() -> tree(family, "rope_parameters", parameters))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("rope type 'mrope' is not supported; supported: [default, ");
    assertThatThrownBy(
            () -> tree(family, "rope_parameters", "null", "rope_scaling", "{\"type\": \"mrope\"}"))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("rope type 'mrope' is not supported");
  }

  @ParameterizedTest
  @MethodSource("families")
  void quantisedCheckpointsAreRefusedByName(String family) {
    assertThatThrownBy(() -> tree(family, "quantization_config", "{\"quant_method\": \"awq\"}"))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining(
            "config.json: quantization_config 'awq' is not supported; take the checkpoint that it"
                + " was made of");
  }

  @ParameterizedTest
  @CsvSource({
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma2",
    "gemma3_text",
  })
  void anotherKindOfAttentionIsRefusedByName(String family) throws IOException {
    int layers = config(family).get("num_hidden_layers").getAsInt();
    String types = "[\"chunked_attention\"" + ", \"full_attention\"".repeat(layers - 1) + "]";

    assertThatThrownBy(() -> tree(family, "layer_types", types))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("layer type 'chunked_attention' is not supported");
    assertThatThrownBy(() -> tree(family, "layer_types", "[\"full_attention\"]"))
        .hasMessageContaining("layer_types lists 1 layers, there are " + layers);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "qwen2 | use_mrope | true | use_mrope is true; only false is supported",
        "llama | partial_rotary_factor | 0.5 | partial_rotary_factor turns 6 of 12 numbers of a"
            + " head; only all are supported",
        "llama | rope_parameters | {'full_attention':{'rope_type':'default'}} | rope_parameters"
            + " differ by type of layer; only one for all is supported",
        "gemma3_text | rope_parameters | {'rope_type':'linear','factor':2} | rope_parameters are"
            + " the same for all layers; only those by type are supported",
        "gemma3_text | attn_logit_softcapping | 50.0 | attn_logit_softcapping is set; gemma3_text"
            + " is supported without it",
        "gemma2 | use_bidirectional_attention | true | use_bidirectional_attention is true; only"
            + " false is supported",
        "gemma3_text | use_bidirectional_attention | true | use_bidirectional_attention is true;"
            + " only false is supported",
        "gpt2 | add_cross_attention | true | add_cross_attention is true; only false is supported",
        "gpt_neox | head_dim | 12 | head_dim is 12; only hidden_size / num_attention_heads = 8 is"
            + " supported",
        "opt | layer_norm_elementwise_affine | false | layer_norm_elementwise_affine is false;"
            + " only true is supported",
        "phi | qk_layernorm | true | qk_layernorm is true; only false is supported",
        "phi | head_dim | 12 | head_dim is 12; only hidden_size / num_attention_heads = 8 is"
            + " supported",
        "phi3 | rope_parameters | {'rope_type':'linear','factor':2} | rope type 'linear' is not"
            + " supported; supported: [default, longrope]",
        "phi3 | head_dim | 10 | head_dim is 10; only hidden_size / num_attention_heads = 12 is"
            + " supported",
        "falcon | num_ln_in_parallel_attn | 3 | num_ln_in_parallel_attn is 3; supported: 1",
        "llama | rope_scaling | {'rope_type':'linear'} | factor is missing",
      })
  void settingsThatChangeWhatIsComputedAreRefusedByName(
      String family, String key, String value, String message) {
    String json = value.replace('\'', '"');

    assertThatThrownBy(() -> tree(family, key, json))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining(message);
  }

  @Test
  void layersOfMistralWithoutItsWindowAreRefused() throws IOException {
    String[] types = {"layer_types", "[\"full_attention\", \"sliding_attention\"]"};

    assertThatThrownBy(() -> tree("mistral", types[0], types[1], "sliding_window", "5"))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining(
            "layer_types lists full_attention; mistral has its sliding_window everywhere");
    assertThat(tree("mistral", types).parameters()).isNotEmpty(); // it has no window at all
  }

  @ParameterizedTest
  @CsvSource({"multi_query, false, true", "multi_query, true, false"})
  void falconsOldBlockNeedsNoSettingOfTheNew(String key, boolean many, boolean parallel)
      throws IOException {
    ModuleTree tree =
        tree(
            "falcon",
            "new_decoder_architecture",
            "false",
            key,
            String.valueOf(many),
            "parallel_attn",
            String.valueOf(parallel),
            "num_ln_in_parallel_attn",
            "null");

    assertThat(tree.modules().stream().anyMatch(m -> m.path().endsWith("post_attention_layernorm")))
        .isEqualTo(!parallel);
    assertThatThrownBy(
            () -> tree("falcon", "new_decoder_architecture", "true", "parallel_attn", "false"))
        .hasMessageContaining("parallel_attn is false with new_decoder_architecture");
  }

  /** In the code of transformers they are sums in another order, or another type, or nothing. */
  @ParameterizedTest
  @CsvSource({
    "llama, pretraining_tp, 2",
    "bloom, pretraining_tp, 2",
    "gpt2, reorder_and_upcast_attn, true",
    "opt, layerdrop, 0.1",
    "gpt_neox, is_decoder, true",
    "mistral, attention_bias, true",
    "qwen2, mlp_bias, true",
  })
  void settingsThatComputeTheSameAreNotRefused(String family, String key, String value)
      throws IOException {
    assertThat(tree(family, key, value).parameters()).isEqualTo(tree(family).parameters());
  }

  /** Beside them, null turns a window or a cap off. */
  @Test
  void settingsThatAFileDoesNotSayAreThoseOfTransformers() throws IOException {
    assertThat(LlamaConfig.of(json("mistral", "sliding_window", ""), Family.MISTRAL).windows())
        .containsOnly(4096);
    assertThat(LlamaConfig.of(json("mistral", "sliding_window", "null"), Family.MISTRAL).windows())
        .containsOnly(0);
    assertThat(LlamaConfig.of(json("qwen3", "head_dim", ""), Family.QWEN3).headWidth())
        .isEqualTo(128);
    GemmaConfig gemma =
        GemmaConfig.of(
            json("gemma2", "attn_logit_softcapping", "", "final_logit_softcapping", ""), false);
    assertThat(gemma.scoreCap()).isEqualTo(50);
    assertThat(gemma.logitCap()).isEqualTo(30);
    assertThat(GemmaConfig.of(json("gemma2", "attn_logit_softcapping", "null"), false).scoreCap())
        .isZero();
    assertThat(GptNeoxConfig.of(json("gpt_neox", "rope_parameters", "")).rope().width())
        .isEqualTo(2); // a quarter of 8
    assertThat(PhiConfig.of(json("phi", "rope_parameters", "")).rope().width())
        .isEqualTo(4); // half of 8
  }

  @Test
  void theBaseOfTheAnglesMayStandBesideTheirScaling() throws IOException {
    String[] scaling = {"rope_parameters", "{\"rope_type\": \"default\"}"};

    float[] usual = LlamaConfig.of(json("llama", scaling), Family.LLAMA).rope().frequencies().at(0);
    float[] other =
        LlamaConfig.of(
                json("llama", scaling[0], scaling[1], "rope_theta", "500000.0"), Family.LLAMA)
            .rope()
            .frequencies()
            .at(0);

    assertThat(usual[1]).isCloseTo((float) Math.pow(10_000, -2.0 / 12), within(1e-6f));
    assertThat(other[1]).isCloseTo((float) Math.pow(500_000, -2.0 / 12), within(1e-6f));
  }

  @Test
  void lengthThatAScalingNeedsIsThatOfTheClassWhereTheFileHasNone() throws IOException {
    String[] scaling = {"rope_parameters", "{\"rope_type\": \"dynamic\", \"factor\": 2.0}"};
    String key = "max_position_embeddings";

    RotaryFrequencies usual =
        LlamaConfig.of(json("llama", scaling[0], scaling[1], key, ""), Family.LLAMA)
            .rope()
            .frequencies();
    RotaryFrequencies said =
        LlamaConfig.of(json("llama", scaling[0], scaling[1], key, "2048"), Family.LLAMA)
            .rope()
            .frequencies();

    assertThat(usual.at(2048)).isEqualTo(said.at(2048)).isEqualTo(usual.at(1));
    assertThat(usual.at(4000)).isEqualTo(said.at(4000)).isNotEqualTo(usual.at(2048));
  }
}
