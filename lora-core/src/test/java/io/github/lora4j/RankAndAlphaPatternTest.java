package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * PEFT: TestRankAndAlphaPattern, all 26. A map called foo at three depths, and beside each one that
 * is called alike and must not be hit. Every row is read from its file again as well.
 */
class RankAndAlphaPatternTest {

  private static final ModuleTree TREE =
      new ModuleTree(
          "",
          "",
          List.of(
              TargetModule.other("", "Outer", ""),
              map("foo"),
              map("bar"),
              TargetModule.other("module", "Middle", ""),
              map("module.foo"),
              map("module.foobar"),
              TargetModule.other("module.module", "Inner", ""),
              map("module.module.foo"),
              map("module.module.barfoo")),
          List.of());

  @TempDir Path directory;

  private static TargetModule map(String path) {
    return TargetModule.linear(path, 64, 64, false);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "no_rank_nor_alpha_pattern | '' | 8 | 8 | 8",
        "rank_and_alpha_pattern_no_matching_keys | bla=4 oof=6 | 8 | 8 | 8",
        "rank_pattern_target_all | foo=16 | 16 | 16 | 16",
        "rank_pattern_target_outer | ^foo=16 | 16 | 8 | 8",
        "rank_pattern_target_middle | ^module.foo=16 | 8 | 16 | 8",
        "rank_pattern_target_inner | module.module.foo=16 | 8 | 8 | 16",
        "rank_pattern_target_inner_with_caret | ^module.module.foo=16 | 8 | 8 | 16",
        "rank_pattern_target_middle_inner | module.foo=16 | 8 | 16 | 16",
        "rank_pattern_target_middle_inner_different_ranks"
            + " | ^module.foo=16 ^module.module.foo=24 | 8 | 16 | 24",
        "rank_pattern_target_outer_middle | ^foo=16 ^module.foo=24 | 16 | 24 | 8",
        "rank_pattern_target_outer_inner | ^foo=16 module.module.foo=24 | 16 | 8 | 24",
        "rank_pattern_target_outer_inner_with_caret"
            + " | ^foo=16 ^module.module.foo=24 | 16 | 8 | 24",
        "rank_pattern_target_outer_middle_inner_with_caret"
            + " | ^foo=16 ^module.foo=24 ^module.module.foo=32 | 16 | 24 | 32",
        "rank_pattern_target_outer_middle_inner_with_caret_dict_order"
            + " | ^module.module.foo=32 ^module.foo=24 ^foo=16 | 16 | 24 | 32"
      })
  void rankPattern(String name, String pattern, int outer, int middle, int inner)
      throws IOException {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    parse(pattern).forEach((key, value) -> ranks.put(key, value.intValue()));
    LoraConfig config = builder().rankPattern(ranks).build();

    assertPairs(config, LoraLinear::rank, outer, middle, inner, 8);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      value = {
        "alpha_pattern_target_all | foo=4 | 0.5 | 0.5 | 0.5",
        "alpha_pattern_target_outer | ^foo=4 | 0.5 | 1 | 1",
        "alpha_pattern_target_middle | ^module.foo=4 | 1 | 0.5 | 1",
        "alpha_pattern_target_inner | module.module.foo=4 | 1 | 1 | 0.5",
        "alpha_pattern_target_inner_with_caret | ^module.module.foo=4 | 1 | 1 | 0.5",
        "alpha_pattern_target_middle_inner | module.foo=4 | 1 | 0.5 | 0.5",
        "alpha_pattern_target_middle_inner_different_alphas"
            + " | ^module.foo=4 ^module.module.foo=2 | 1 | 0.5 | 0.25",
        "alpha_pattern_target_outer_middle | ^foo=4 ^module.foo=2 | 0.5 | 0.25 | 1",
        "alpha_pattern_target_outer_inner | ^foo=4 module.module.foo=2 | 0.5 | 1 | 0.25",
        "alpha_pattern_target_outer_inner_with_caret"
            + " | ^foo=4 ^module.module.foo=2 | 0.5 | 1 | 0.25",
        "alpha_pattern_target_outer_middle_inner_with_caret"
            + " | ^foo=4 ^module.foo=2 ^module.module.foo=1 | 0.5 | 0.25 | 0.125",
        "alpha_pattern_target_outer_middle_inner_with_caret_dict_order"
            + " | ^module.module.foo=1 ^module.foo=2 ^foo=4 | 0.5 | 0.25 | 0.125"
      })
  void alphaPattern(String name, String pattern, double outer, double middle, double inner)
      throws IOException {
    LoraConfig config = builder().alphaPattern(parse(pattern)).build();

    assertPairs(config, LoraLinear::scaling, outer, middle, inner, 1);
  }

  /**
   * PEFT: test_lora_scaling_default, test_lora_rslora_scaling, test_lora_default_scaling_pattern,
   * test_lora_rslora_scaling_pattern, test_rank_alpha_pattern_override.
   */
  @ParameterizedTest
  @CsvSource({
    "false, '', '', 1, 1",
    "true, '', '', 2.82842712474619, 2.82842712474619",
    "false, ^foo=16, '', 0.5, 1",
    "false, '', ^foo=2, 0.25, 1",
    "false, ^foo=16, ^foo=32, 2, 1",
    "true, ^foo=16, '', 2, 2.82842712474619",
    "true, ^foo=4, ^foo=6, 3, 2.82842712474619"
  })
  void scalingIsThatOfTheRankAndAlphaOfAModule(
      boolean rsLora, String ranks, String alphas, double outer, double others) throws IOException {
    Map<String, Integer> rankPattern = new LinkedHashMap<>();
    parse(ranks).forEach((key, value) -> rankPattern.put(key, value.intValue()));
    LoraConfig config =
        builder().rsLora(rsLora).rankPattern(rankPattern).alphaPattern(parse(alphas)).build();

    assertPairs(config, LoraLinear::scaling, outer, others, others, others);
  }

  private static LoraConfig.Builder builder() {
    return LoraConfig.builder().targetModules(TargetModules.allLinear());
  }

  private static Map<String, Double> parse(String pattern) {
    Map<String, Double> parsed = new LinkedHashMap<>();
    for (String entry : pattern.isEmpty() ? new String[0] : pattern.split(" ", -1)) {
      int border = entry.indexOf('=');
      parsed.put(entry.substring(0, border), Double.valueOf(entry.substring(border + 1)));
    }
    return parsed;
  }

  private void assertPairs(
      LoraConfig config,
      Function<LoraLinear, Number> value,
      double outer,
      double middle,
      double inner,
      double other)
      throws IOException {
    Path file = directory.resolve("adapter_config.json");
    Files.writeString(file, config.toJson());
    for (LoraConfig same : List.of(config, LoraConfig.read(file))) {
      // as adapters of others are loaded: wrap refuses patterns that hit nothing
      assertThat(LoraPlan.lenient(TREE, same).pairs())
          .extracting(pair -> value.apply(pair).doubleValue())
          .containsExactly(outer, other, middle, other, inner, other);
    }
  }
}
