package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.spi.ModuleTree;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class LoraPlanTest {

  private static final ModuleTree BLOOM = BloomShapes.bloom560m();

  /** What PEFT 0.21 prints for rank 8 on query_key_value. */
  static Stream<Arguments> sentences() {
    return Stream.of(
        Arguments.of(
            BLOOM, "trainable params: 786,432 || all params: 560,001,024 || trainable%: 0.1404"),
        Arguments.of(
            BloomShapes.bloom1b1(),
            "trainable params: 1,179,648 || all params: 1,066,493,952 || trainable%: 0.1106"),
        Arguments.of(
            BloomShapes.bloom1b7(),
            "trainable params: 1,572,864 || all params: 1,723,981,824 || trainable%: 0.0912"),
        Arguments.of(
            BloomShapes.bloom3b(),
            "trainable params: 2,457,600 || all params: 3,005,015,040 || trainable%: 0.0818"));
  }

  @ParameterizedTest
  @MethodSource("sentences")
  void countsOfBloomAreThoseOfPeft(ModuleTree tree, String sentence) {
    LoraPlan plan = LoraPlan.of(tree, config().build());

    assertThat(plan.parameterCount()).hasToString(sentence);
  }

  @Test
  void fileSizesAreThoseOfPeftToTheByte() {
    assertThat(LoraPlan.of(BloomShapes.bloom1b7(), config().build()).fileBytes())
        .isEqualTo(6_298_512);
    assertThat(LoraPlan.of(BloomShapes.bloom3b(), config().build()).fileBytes())
        .isEqualTo(9_839_224);
  }

  @Test
  void defaultsOfTheModelAreFilledIn() {
    LoraPlan plan = LoraPlan.of(BLOOM, LoraConfig.builder().build());

    assertThat(plan.config().targetModules()).isEqualTo(TargetModules.of("query_key_value"));
    assertThat(plan.pairs()).hasSize(24);
    assertThat(plan.pairs().get(23).path())
        .isEqualTo("transformer.h.23.self_attention.query_key_value");
    assertThat(plan.pairs().get(23).outFeatures()).isEqualTo(3072);
  }

  @Test
  void allLinearLeavesOutTheHead() {
    LoraPlan plan = LoraPlan.of(BLOOM, config().targetModules(TargetModules.allLinear()).build());

    assertThat(plan.pairs()).hasSize(4 * 24).noneMatch(pair -> pair.path().equals("lm_head"));
  }

  @Test
  void trainedBiasesAreCountedOnce() {
    LoraPlan none = LoraPlan.of(BLOOM, config().build());
    LoraPlan own = LoraPlan.of(BLOOM, config().bias(Bias.LORA_ONLY).build());
    LoraPlan all = LoraPlan.of(BLOOM, config().bias(Bias.ALL).build());

    assertThat(own.biases()).hasSize(24);
    assertThat(all.biases()).hasSize(24 * 6 + 2);
    assertThat(own.parameterCount().trainable() - none.parameterCount().trainable())
        .isEqualTo(24 * 3072);
    assertThat(own.parameterCount().all()).isEqualTo(none.parameterCount().all());
    assertThat(all.parameterCount().all()).isEqualTo(none.parameterCount().all());
  }

  @Test
  void patternsDecideRankAndScalingOfSomePairs() {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    ranks.put("h.0.self_attention.query_key_value", 2);
    ranks.put("query_key_value", 4);
    LoraPlan plan =
        LoraPlan.of(
            BLOOM,
            config()
                .alpha(32)
                .targetModules("query_key_value", "dense")
                .rankPattern(ranks)
                .alphaPattern(Map.of("h.1.self_attention.dense", 64.0))
                .rsLora(true)
                .build());

    assertThat(plan.pairs().get(0).rank()).isEqualTo(2);
    assertThat(plan.pairs().get(0).scaling()).isEqualTo(32 / Math.sqrt(2));
    assertThat(plan.pairs().get(1).rank()).isEqualTo(8);
    assertThat(plan.pairs().get(2).scaling()).isEqualTo(16);
    assertThat(plan.pairs().get(3).scaling()).isEqualTo(64 / Math.sqrt(8));
  }

  @Test
  void reportSaysWhatWouldBeDone() {
    LoraPlan plan = LoraPlan.of(BLOOM, config().alpha(16).bias(Bias.LORA_ONLY).build());

    assertThat(plan)
        .hasToString(
            """
            LoRA for BloomForCausalLM:
              24 x transformer.h.*.self_attention.query_key_value (1024 -> 3072, rank 8, scaling 2.0)
              24 biases of the base
              trainable params: 860,160 || all params: 560,001,024 || trainable%: 0.1536
              adapter file: SIZE bytes (3.45 MB)"""
                .replace("SIZE", String.format(java.util.Locale.ROOT, "%,d", plan.fileBytes())));
  }

  @Test
  void missingTargetIsReportedWithWhatIsThere() {
    refused(
        config().targetModules("q_proj"),
        "target modules [q_proj] match nothing in BloomModel; it has: query_key_value x24,"
            + " dense x24, dense_h_to_4h x24, dense_4h_to_h x24");
  }

  @Test
  void everyListedTargetMustMatch() { // PEFT trains on the others without a word
    refused(
        config().targetModules("query_key_value", "quary_key_value", "dense_h_to_h", "zzz"),
        "target modules [dense_h_to_h, quary_key_value, zzz] match nothing in BloomModel; it has:"
            + " query_key_value x24, dense x24, dense_h_to_4h x24, dense_4h_to_h x24; did you mean"
            + " 'dense_h_to_4h', 'query_key_value'?");
  }

  @Test
  void regexThatMatchesNothingIsReported() {
    refused(
        config().targetModules(TargetModules.matching("query_key_value")),
        "target modules ['query_key_value'] match nothing in BloomModel");
  }

  /** PEFT: TestExcludedModuleNames, test_realistic_example. */
  @Test
  void excludedModulesGetNoPair() {
    String excluded = "transformer.h.2.self_attention.query_key_value";

    LoraPlan plan = LoraPlan.of(BLOOM, config().excludeModules(excluded).build());

    assertThat(plan.pairs()).hasSize(23).noneMatch(pair -> pair.path().equals(excluded));
  }

  /** PEFT: TestExcludedModuleNames. */
  @Test
  void targetsThatAreAllExcludedAreReported() {
    refused(
        config().excludeModules("self_attention.query_key_value"),
        "target modules [query_key_value] match 24 modules, and all are excluded");
  }

  @Test
  void layersThatTheModelLacksAreReported() {
    refused(
        config().layersToTransform(24, 99),
        "target modules [query_key_value] match 24 modules, none of them in layers [24, 99]; they"
            + " are in layers [0, 1, 2");
    refused(
        config().layersToTransform(0, 99),
        "layers [99] hold no target; targets are in layers [0, 1, 2");
    refused(
        config().layersToTransform(0).layersPattern("layers"),
        "none of them in layers [0]; they are in no numbered layer");
  }

  /** PEFT: TestExcludedModuleNames. There a warning, here a refusal. */
  @Test
  void exclusionThatMatchesNothingIsReported() {
    refused(
        config().excludeModules("lm_head", "lm_haed"),
        "excluded modules [lm_haed] match nothing in BloomForCausalLM");
    refused(
        config().excludeModules(TargetModules.matching(".*vision.*")),
        "excluded modules ['.*vision.*'] match nothing in BloomForCausalLM");
  }

  @Test
  void patternThatMatchesNoPairIsReported() {
    refused(
        config().rankPattern(Map.of("dense", 4)).alphaPattern(Map.of("h.99", 1.0)),
        "pattern 'dense', 'h.99' of ranks or alphas matches no adapted module");
  }

  @Test
  void everythingUnusedIsInOneMessage() {
    refused(
        config()
            .targetModules("query_key_value", "zzz")
            .excludeModules("yyy")
            .rankPattern(Map.of("xxx", 4)),
        "target modules [zzz] match nothing",
        "excluded modules [yyy] match nothing",
        "pattern 'xxx'");
  }

  @Test
  void modulesThatAreNeitherLinearMapsNorEmbeddingsAreRefused() {
    refused(
        config().targetModules("word_embeddings", "self_attention"),
        "a low-rank pair can stand beside a linear map or an embedding, not beside"
            + " transformer.h.0.self_attention, a BloomAttention;");
  }

  @Test
  void rankAboveTheSmallerSideIsRefused() {
    refused(
        config().rank(1025),
        "rank 1025 of transformer.h.0.self_attention.query_key_value exceeds the smaller side of"
            + " 1024 -> 3072");
    assertThat(LoraPlan.of(BLOOM, config().rank(1024).build()).pairs()).hasSize(24);
  }

  @Test
  void modelThatNoEngineKnowsIsRefused() {
    assertThatThrownBy(() -> LoraPlan.of("a text", config().build()))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("no engine on the class path adapts a java.lang.String")
        .hasMessageContaining("FloatArrayBackend");
  }

  private static LoraConfig.Builder config() {
    return LoraConfig.builder().rank(8).targetModules("query_key_value");
  }

  private static void refused(LoraConfig.Builder config, String... parts) {
    assertThatThrownBy(() -> LoraPlan.of(BLOOM, config.build()))
        .isInstanceOf(LoraException.class)
        .hasMessageContainingAll(parts);
  }
}
