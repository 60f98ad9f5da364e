package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModulePatternsTest {

  @ParameterizedTest
  @CsvSource({
    "foo, foo, true",
    "foo, a.foo, true",
    "foo, a_foo, false",
    "foo, foo.a, false",
    "h.1.foo, x.h.1.foo, true",
    "h.1.foo, x.h.11foo, true",
    "h.1.foo, h_1_foo, true",
    "^foo, foo, true",
    "^foo, a.foo, false",
    "fo+, a.foo, true",
    "a.foo, foo, false"
  })
  void keyMeansAPathOrItsEnd(String key, String path, boolean expected) {
    ModulePatterns patterns = new ModulePatterns();
    patterns.add(List.of(key));

    assertThat(patterns.hits(key, path)).isEqualTo(expected);
  }

  /** What is compared without an expression is what the expression matches. */
  @Test
  void plainKeysAreTheExpressionsThatTheyAre() {
    Random random = new Random(5);
    int hits = 0;
    for (int i = 0; i < 20_000; i++) {
      String key = text(random, 1 + random.nextInt(5));
      String path = text(random, 1 + random.nextInt(9));
      ModulePatterns patterns = new ModulePatterns();
      patterns.add(List.of(key));

      boolean hit = PythonRegex.ofEnd(key).matches(path);
      assertThat(patterns.hits(key, path)).as("%s on %s", key, path).isEqualTo(hit);
      hits += hit ? 1 : 0;
    }
    assertThat(hits).isGreaterThan(500);
  }

  private static String text(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append("ab..-_1".charAt(random.nextInt(7)));
    }
    return text.toString();
  }

  @Test
  void expressionsShareTheirSteps() {
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      keys.add("(a|b|c)*(a|b|d)*x" + i);
    }
    ModulePatterns patterns = new ModulePatterns();
    patterns.add(keys);
    String path = "layers.0.abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc";

    assertThatThrownBy(
            () -> {
              for (int module = 0; module < 100_000; module++) {
                for (String key : keys) {
                  patterns.hits(key, path);
                }
              }
            })
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("the 2,000 expressions of rank and alpha patterns take more than")
        .hasMessageContaining("write the paths of modules");
  }

  @Test
  void moreNamesThanAnyModelHasAreRefusedBeforeTheyAreCompiled() {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    Map<String, Double> alphas = new LinkedHashMap<>();
    for (int i = 0; i < 50_001; i++) {
      ranks.put("layer[", 2);
      ranks.put("layer[" + i, 2);
      alphas.put("layer[" + i, 2.0);
    }

    assertThatThrownBy(() -> LoraConfig.builder().rankPattern(ranks).alphaPattern(alphas).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "rank patterns are 50,002, at most 50,000 can be named; "
                + "alpha patterns are 50,001, at most 50,000 can be named");
  }
}
