package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * How pairs beside an embedding start. PEFT: test_lora_embedding_default,
 * test_lora_embedding_gaussian.
 */
class InitialPairTest {

  private static final ModuleTree TREE =
      new ModuleTree(
          "",
          "",
          List.of(TargetModule.other("", "Model", ""), TargetModule.embedding("words", 500, 200)),
          List.of());

  private static InitialPair pair(LoraInit init, long seed) {
    LoraConfig config = LoraConfig.builder().rank(100).targetModules("words").init(init).build();
    LoraPlan plan = LoraPlan.of(TREE, config);
    return InitialPair.of(plan, plan.pairs().get(0), seed);
  }

  @ParameterizedTest
  @EnumSource(names = {"KAIMING", "GAUSSIAN"})
  void aIsZeroAndBIsStandardNormal(LoraInit init) {
    InitialPair pair = pair(init, 3);

    assertThat(pair.a().shape()).containsExactly(100L, 500L);
    assertThat(pair.b().shape()).containsExactly(200L, 100L);
    assertThat(pair.a().values()).containsOnly(0);
    assertNormal(pair.b().values());
  }

  @Test
  void aRandomPairIsNormalOnBothSides() {
    InitialPair pair = pair(LoraInit.RANDOM, 3);

    assertNormal(pair.a().values());
    assertNormal(pair.b().values());
  }

  @Test
  void theSeedDecides() {
    assertThat(pair(LoraInit.KAIMING, 3)).isEqualTo(pair(LoraInit.KAIMING, 3));
    assertThat(pair(LoraInit.KAIMING, 3)).isNotEqualTo(pair(LoraInit.KAIMING, 4));
  }

  /** Mean, deviation, and the shares within one and two deviations. */
  private static void assertNormal(float[] values) {
    double mean = 0;
    double square = 0;
    int one = 0;
    int two = 0;
    for (float value : values) {
      mean += value;
      square += value * value;
      one += Math.abs(value) < 1 ? 1 : 0;
      two += Math.abs(value) < 2 ? 1 : 0;
    }
    int count = values.length;
    assertThat(mean / count).isCloseTo(0, within(0.03));
    assertThat(Math.sqrt(square / count)).isCloseTo(1, within(0.03));
    assertThat(one / (double) count).isCloseTo(0.6827, within(0.01));
    assertThat(two / (double) count).isCloseTo(0.9545, within(0.01));
    assertThat(Arrays.equals(values, new float[count])).isFalse();
  }

  @Test
  void fileNamesAreThoseOfPeft() {
    LoraConfig config = LoraConfig.builder().rank(2).targetModules("words").build();
    AdapterKeys keys = new AdapterKeys(LoraPlan.of(TREE, config));

    assertThat(keys.inFile("words.lora_A")).isEqualTo("base_model.model.words.lora_embedding_A");
    assertThat(keys.inFile("words.lora_B")).isEqualTo("base_model.model.words.lora_embedding_B");
    assertThat(keys.inFile("words.weight")).isEqualTo("base_model.model.words.base_layer.weight");
  }
}
