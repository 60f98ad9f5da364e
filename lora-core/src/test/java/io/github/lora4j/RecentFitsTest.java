package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.spi.ModuleTree;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RecentFitsTest {

  private final RecentFits recent = new RecentFits();
  private final ModuleTree bloom = BloomShapes.bloom560m();

  private static LoraConfig.Builder config() {
    return LoraConfig.builder().rank(4).targetModules("query_key_value");
  }

  @Test
  void sameConfigurationOnTheSameBaseIsMatchedOnce() {
    AdapterFit first = recent.of(config().build(), bloom);

    assertThat(recent.of(config().build(), bloom)).isSameAs(first);
    assertThat(recent.of(config().rank(5).build(), bloom).plan().pairs().get(0).rank())
        .isEqualTo(5);
  }

  @Test
  void otherBaseIsMatchedAnew() {
    recent.of(config().build(), bloom);

    assertThat(recent.of(config().build(), BloomShapes.bloom3b()).plan().pairs()).hasSize(30);
  }

  @Test
  void orderOfPatternsDecidesAndIsLookedAt() {
    Map<String, Integer> wideFirst = new LinkedHashMap<>();
    wideFirst.put("query_key_value", 2);
    wideFirst.put("h.0.self_attention.query_key_value", 3);
    Map<String, Integer> narrowFirst = new LinkedHashMap<>();
    narrowFirst.put("h.0.self_attention.query_key_value", 3);
    narrowFirst.put("query_key_value", 2);

    AdapterFit one = recent.of(config().rankPattern(wideFirst).build(), bloom);
    AdapterFit other = recent.of(config().rankPattern(narrowFirst).build(), bloom);

    assertThat(one.plan().pairs().get(0).rank()).isEqualTo(2);
    assertThat(other.plan().pairs().get(0).rank()).isEqualTo(3);
  }

  @Test
  void warningsAreSaidEachTime() {
    LoraConfig half = config().targetModules("query_key_value", "q_proj").build();

    assertThat(recent.of(half, bloom).warnings())
        .containsExactly("targets [q_proj] of the adapter match nothing in BloomForCausalLM")
        .isEqualTo(recent.of(half, bloom).warnings());
  }

  @Test
  void whatDoesNotFitIsRefusedEachTime() {
    LoraConfig foreign = config().targetModules("q_proj").build();

    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> recent.of(foreign, bloom))
          .isInstanceOf(LoraException.class)
          .hasMessageContaining("q_proj");
    }
  }
}
