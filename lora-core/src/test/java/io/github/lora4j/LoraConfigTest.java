package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoraConfigTest {

  @Test
  void defaultsAreThoseOfPeft() {
    LoraConfig config = LoraConfig.builder().build();

    assertThat(config.rank()).isEqualTo(8);
    assertThat(config.alpha()).isEqualTo(8);
    assertThat(config.dropout()).isZero();
    assertThat(config.bias()).isEqualTo(Bias.NONE);
    assertThat(config.init()).isEqualTo(LoraInit.KAIMING);
    assertThat(config.rsLora()).isFalse();
    assertThat(config.targetModules()).isEqualTo(new TargetModules.DefaultsOfModel());
    assertThat(config.taskType()).isEmpty();
  }

  @Test
  void everyProblemIsInOneMessage() {
    LoraConfig.Builder builder =
        LoraConfig.builder()
            .rank(0)
            .alpha(-1)
            .dropout(1.5)
            .targetModules(TargetModules.matching("(a"))
            .excludeModules(TargetModules.matching("b)"))
            .layersToTransform(-1)
            .layersPattern("h[")
            .rankPattern(Map.of("c(", 0))
            .alphaPattern(Map.of("d*", Double.NaN));

    assertThatThrownBy(builder::build)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll(
            "rank must be positive, got 0",
            "alpha must be positive, got -1.0",
            "dropout must be in [0, 1), got 1.5",
            "target modules '(a' is no regular expression: a group is not closed",
            "excluded modules 'b)' is no regular expression: a group is closed that is not open",
            "layers to transform need target modules given by name",
            "layers to transform count from 0, got -1",
            "layers pattern 'h[' is no regular expression: a character class is not closed",
            "rank pattern 'c(' is no regular expression",
            "rank of pattern 'c(' must be positive, got 0",
            "alpha of pattern 'd*' must be positive, got NaN");
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -0.5, Double.NaN, Double.POSITIVE_INFINITY})
  void alphaThatIsNotPositiveIsRefused(double alpha) {
    assertThatThrownBy(() -> LoraConfig.builder().alpha(alpha).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("alpha must be positive, got " + alpha);
  }

  @Test
  void alphaThatIsInfiniteInFp32IsRefused() {
    assertThatThrownBy(
            () -> LoraConfig.builder().alpha(1e300).alphaPattern(Map.of("up", 1e39)).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "alpha must be positive and at most 3.4028235E38, got 1.0E300;"
                + " alpha of pattern 'up' must be positive and at most 3.4028235E38, got 1.0E39");
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1, 1.5, Double.NaN})
  void dropoutThatIsNoProbabilityIsRefused(double dropout) {
    assertThatThrownBy(() -> LoraConfig.builder().dropout(dropout).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("dropout must be in [0, 1), got " + dropout);
  }

  @Test
  void layersNeedNamedTargets() {
    assertThatThrownBy(
            () ->
                LoraConfig.builder()
                    .targetModules(TargetModules.allLinear())
                    .layersToTransform(1)
                    .build())
        .hasMessageContaining("layers to transform need target modules given by name");
    assertThat(LoraConfig.builder().layersToTransform(1).build().layersToTransform())
        .containsExactly(1);
  }

  @Test
  void layersPatternNeedsLayers() {
    assertThatThrownBy(() -> LoraConfig.builder().layersPattern("h").build())
        .hasMessage("a layers pattern needs layers to transform, got none");
  }

  @Test
  void emptyTargetsAreRefused() {
    assertThatThrownBy(() -> LoraConfig.builder().targetModules().build())
        .hasMessage("target modules must name at least one module, got an empty list");
  }

  @Test
  void exclusionsNeedNamesOrARegularExpression() {
    assertThatThrownBy(() -> LoraConfig.builder().excludeModules(TargetModules.allLinear()).build())
        .hasMessageContaining("excluded modules need names or a regular expression");
  }

  @Test
  void collectionsAreCopied() {
    Map<String, Integer> ranks = new LinkedHashMap<>(Map.of("a", 1));
    LoraConfig config = LoraConfig.builder().rankPattern(ranks).build();

    ranks.put("b", 2);

    assertThat(config.rankPattern()).containsExactly(Map.entry("a", 1));
    assertThatThrownBy(() -> config.rankPattern().put("c", 3))
        .isInstanceOf(UnsupportedOperationException.class);
  }

  @Test
  void scalingIsAlphaOverRankOrOverItsRoot() {
    LoraConfig plain = LoraConfig.builder().rank(4).alpha(10).build();
    LoraConfig stabilised = plain.toBuilder().rsLora(true).build();

    assertThat(plain.scaling(4, 10)).isEqualTo(2.5);
    assertThat(plain.scaling(16, 10)).isEqualTo(0.625);
    assertThat(stabilised.scaling(4, 10)).isEqualTo(5);
    assertThat(stabilised.scaling(2, 10)).isEqualTo(10 / Math.sqrt(2));
  }

  @Test
  void copyOfABuilderIsEqual() {
    LoraConfig config =
        new LoraConfig(
            3,
            5,
            0.1,
            TargetModules.of("b", "a"),
            Optional.of(TargetModules.matching("x.*")),
            List.of("head"),
            List.of(1),
            List.of("h"),
            Map.of("b", 2),
            Map.of("a", 4.0),
            true,
            true,
            Bias.ALL,
            LoraInit.GAUSSIAN,
            Optional.of(TaskType.CAUSAL_LM),
            true,
            Optional.of("base"),
            Optional.of("main"),
            Map.of("zzz", "[1]"));

    assertThat(config.toBuilder().build()).isEqualTo(config).hasSameHashCodeAs(config);
    assertThat(config.toBuilder().rank(4).build()).isNotEqualTo(config);
    assertThat(config)
        .hasToString(
            "LoraConfig[rank=3, alpha=5.0, dropout=0.1, targetModules=Names[names=[a, b]], bias=ALL]");
  }

  @Test
  void targetNamesAreSortedAndUnique() {
    assertThat(TargetModules.of("v", "q", "v")).isEqualTo(TargetModules.of("q", "v"));
  }
}
