package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Matching against rows that were made by running PEFT: tools/golden/matching.py. */
class TargetMatcherGoldenTest {

  /** PEFT's own cases come first; their results are those of 0.21. */
  private static final int OWN_CASES = 46;

  /** PEFT: test_regex_matching_valid. */
  @TestFactory
  Stream<DynamicTest> casesOfPeftMatchAsInPeft() throws IOException {
    return rows("paths")
        .limit(OWN_CASES)
        .map(row -> DynamicTest.dynamicTest(row.toString(), () -> check(row)));
  }

  @Test
  void namesRegexesLayersAndExclusionsMatchAsInPeft() throws IOException {
    List<JsonArray> rows = rows("paths").toList();

    assertThat(rows).hasSizeGreaterThan(1000);
    rows.forEach(TargetMatcherGoldenTest::check);
  }

  private static void check(JsonArray row) {
    LoraConfig.Builder builder = LoraConfig.builder().targetModules(targets(row.get(1)));
    builder.layers(
        layers(row.get(2)), names(row.get(3)).stream().filter(n -> !n.isEmpty()).toList());
    if (!row.get(4).isJsonNull()) {
      builder.excludeModules(targets(row.get(4)));
    }
    boolean expected = row.get(5).getAsBoolean();
    if (row.get(1).isJsonArray() && row.get(1).getAsJsonArray().isEmpty()) {
      // PEFT takes an empty list and then adapts nothing; here it is refused before
      assertThat(expected).isFalse();
      assertThatThrownBy(builder::build).hasMessageContaining("got an empty list");
      return;
    }

    String path = row.get(0).getAsString();
    assertThat(new TargetMatcher(builder.build(), "").matchesPath(path))
        .as("%s", row)
        .isEqualTo(expected);
  }

  @Test
  void firstOfTwoPatternsDecidesAsInPeft() throws IOException {
    List<JsonArray> rows = rows("patterns").toList();

    assertThat(rows).hasSize(400);
    for (JsonArray row : rows) {
      Map<String, Integer> ranks = new LinkedHashMap<>();
      ranks.put(row.get(0).getAsString(), 100);
      ranks.put(row.get(1).getAsString(), 200);
      Map<String, Double> alphas = new LinkedHashMap<>();
      ranks.forEach((key, rank) -> alphas.put(key, rank / 4.0));
      TargetMatcher matcher =
          new TargetMatcher(
              LoraConfig.builder()
                  .targetModules("foo")
                  .rank(300)
                  .alpha(75)
                  .rankPattern(ranks)
                  .alphaPattern(alphas)
                  .build(),
              "");
      int expected =
          row.get(3).isJsonNull() ? 300 : ranks.getOrDefault(row.get(3).getAsString(), -1);

      String path = row.get(2).getAsString();
      assertThat(matcher.rankOf(path)).as("%s", row).isEqualTo(expected);
      assertThat(matcher.alphaOf(path)).as("%s", row).isEqualTo(expected / 4.0);
    }
  }

  /**
   * PEFT: test_maybe_include_all_linear_layers_lora,
   * test_maybe_include_all_linear_does_not_target_classifier_head.
   */
  @TestFactory
  Stream<DynamicTest> allLinearMeansTheModulesThatPeftMeans() throws IOException {
    return rows("all-linear")
        .map(row -> DynamicTest.dynamicTest(row.get(0).getAsString(), () -> checkAllLinear(row)));
  }

  private static void checkAllLinear(JsonArray row) {
    List<TargetModule> modules = new ArrayList<>(List.of(TargetModule.other("", "Model", "")));
    for (JsonElement module : row.get(2).getAsJsonArray()) {
      modules.add(module(module.getAsJsonArray()));
    }
    LoraConfig.Builder builder = LoraConfig.builder().targetModules(TargetModules.allLinear());
    if (!row.get(1).isJsonNull()) {
      builder.taskType(TaskType.valueOf(row.get(1).getAsString()));
    }

    List<TargetModule> matched =
        new TargetMatcher(builder.build(), "").match(new ModuleTree("", "", modules, List.of()));

    assertThat(matched)
        .extracting(TargetModule::path)
        .containsExactlyInAnyOrderElementsOf(names(row.get(3)));
  }

  private static TargetModule module(JsonArray module) {
    String path = module.get(0).getAsString();
    return switch (module.get(1).getAsString()) {
      case "linear" -> TargetModule.linear(path, 4, 4, false);
      case "head" -> TargetModule.outputHead(path, 4, 4, false);
      case "embedding" -> TargetModule.embedding(path, 4, 4);
      default -> TargetModule.other(path, "Module", "");
    };
  }

  @Test
  void defaultsOfEveryModelTypeAreThoseOfPeft() throws IOException {
    List<JsonArray> rows = rows("defaults").toList();

    assertThat(rows).hasSize(40);
    for (JsonArray row : rows) {
      assertThat(DefaultTargets.find(row.get(0).getAsString()))
          .as("%s", row)
          .contains(targets(row.get(1)));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "phi3, model.layers.0.self_attn.qkv_proj",
    "gemma3, model.language_model.layers.0.self_attn.q_proj",
    "qwen2_moe, model.layers.0.self_attn.v_proj",
    "qwen3_moe, model.layers.0.self_attn.q_proj",
    "gpt_oss, model.layers.0.self_attn.q_proj",
    "starcoder2, model.layers.0.self_attn.v_proj",
    "cohere, model.layers.0.self_attn.q_proj",
    "granite, model.layers.0.self_attn.q_proj",
    "olmo2, model.layers.0.self_attn.v_proj",
    "smollm3, model.layers.0.self_attn.q_proj",
    "deepseek_v3, model.layers.0.self_attn.kv_b_proj",
    "internlm2, model.layers.0.attention.wqkv",
    "baichuan, model.layers.0.self_attn.W_pack"
  })
  void modelTypesThatPeftLacksHaveDefaults(String modelType, String path) {
    LoraConfig config = LoraConfig.builder().build();

    assertThat(new TargetMatcher(config, modelType).matchesPath(path)).isTrue();
    assertThat(new TargetMatcher(config, modelType).matchesPath("lm_head")).isFalse();
  }

  @Test
  void modelTypeWithoutDefaultsIsRefusedByName() {
    assertThatThrownBy(() -> new TargetMatcher(LoraConfig.builder().build(), "mystery"))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("model type 'mystery' has no default target modules; name them")
        .hasMessageContaining("bloom");
    assertThatThrownBy(() -> TargetModules.defaultsFor("mystery"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("model type 'mystery' has no default target modules");
  }

  private static Stream<JsonArray> rows(String name) throws IOException {
    JsonArray rows = Golden.json("matching/" + name + ".json").getAsJsonArray();
    return StreamSupport.stream(rows.spliterator(), false).map(JsonElement::getAsJsonArray);
  }

  private static TargetModules targets(JsonElement json) {
    return json.isJsonArray()
        ? new TargetModules.Names(names(json))
        : TargetModules.matching(json.getAsString());
  }

  private static List<Integer> layers(JsonElement json) {
    return items(json).map(JsonElement::getAsInt).toList();
  }

  private static List<String> names(JsonElement json) {
    return items(json).map(JsonElement::getAsString).toList();
  }

  private static Stream<JsonElement> items(JsonElement json) {
    if (json.isJsonNull()) {
      return Stream.of();
    }
    return json.isJsonArray() ? json.getAsJsonArray().asList().stream() : Stream.of(json);
  }
}
