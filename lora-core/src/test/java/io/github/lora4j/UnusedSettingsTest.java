package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.testing.FloatMlp;
import org.junit.jupiter.api.Test;

/** What a loaded adapter's list of targets is warned about: names that the base does not have. */
class UnusedSettingsTest {

  private final ModuleTree tree = Backends.of(MLP).modules(MLP);

  private static final FloatMlp MLP = FloatMlp.random(1, 6, 10, 5, 2);

  @Test
  void targetThatIsOnlyExcludedIsNotMissing() { // PEFT writes all-linear out with what it excludes
    UnusedSettings unused = unused(LoraConfig.builder().excludeModules("layers.0.up", "down"));

    assertThat(unused.targets()).containsExactly("down", "layers.0.up", "q_proj");
    assertThat(unused.missing()).containsExactly("q_proj");
  }

  @Test
  void targetOfAnotherLayerIsNotMissing() {
    UnusedSettings unused = unused(LoraConfig.builder().layersToTransform(7));

    assertThat(unused.missing()).containsExactly("q_proj");
  }

  private UnusedSettings unused(LoraConfig.Builder builder) {
    LoraConfig config =
        builder.targetModules("layers.0.up", "layers.1.up", "down", "q_proj").build();
    return new UnusedSettings(config, new TargetMatcher(config, tree.modelType()), tree);
  }
}
