package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.spi.EngineCosts;
import io.github.lora4j.spi.ModuleTree;
import org.junit.jupiter.api.Test;

/** Predictions for layers that are not BLOOM's. */
final class LayerWidthsTest {

  private static final EngineCosts ENGINE = new EngineCosts(4096, 2048, 8L << 20, 256L << 20);

  /** One token and one byte a number: the prediction is in numbers. */
  private static final StepShape ONE = new StepShape(1, 0, 1, 1, StepShape.ALL_LAYERS, ENGINE);

  private static StepMemory memory(ModuleTree tree, String... targets) {
    return LoraPlan.of(tree, LoraConfig.builder().rank(8).targetModules(targets).build())
        .stepMemory(ONE);
  }

  @Test
  void fewKeyHeadsAndAGatedFeedForwardLayer() {
    StepMemory memory = memory(LayerShapes.llama1b(), "q_proj", "v_proj");

    // input, q, k, v, what attention puts out, the sum behind it, gate and up; ranks
    long layer = 2048 + 2048 + 512 + 512 + 2048 + 2048 + 8192 + 8192 + 2 * 8;
    assertThat(memory.kept()).isEqualTo(16 * layer);
    // dy, the gradient of the sum, those of the inner layer, of gate and of up, the norm's output
    assertThat(memory.block()).isEqualTo(2 * 2048 + 3 * 8192 + 2048);
    assertThat(memory.head()).isEqualTo(4 * 2048);
  }

  @Test
  void pairBehindTheGateMakesItsInputAgain() {
    assertThat(memory(LayerShapes.llama1b(), "down_proj").block())
        .isEqualTo(2 * 2048 + 3 * 8192 + 8192);
  }

  @Test
  void recomputedLayersKeepTheirInput() {
    LoraPlan plan =
        LoraPlan.of(
            LayerShapes.llama1b(), LoraConfig.builder().rank(8).targetModules("q_proj").build());
    long all = plan.stepMemory(ONE).kept() / 16;

    assertThat(plan.stepMemory(ONE.recomputed()).kept()).isEqualTo(15 * 2048 + all);
    assertThat(plan.stepMemory(ONE.keeping(0)).kept()).isEqualTo(16 * 2048);
    assertThat(plan.stepMemory(ONE.keeping(0)).block() - plan.stepMemory(ONE).block())
        .isEqualTo(all - 2048);
  }

  @Test
  void normsOfHeadsAndBehindSubLayersKeepWhatTheyRead() {
    StepMemory memory = memory(LayerShapes.normedHeads(), "q_proj");

    long plain = 64 + 96 + 24 + 24 + 96 + 64 + 200 + 200 + 8;
    assertThat(memory.kept()).isEqualTo(plain + 96 + 24 + 2 * 64);
  }

  @Test
  void oneNormBesideBothSubLayersKeepsOneInput() {
    StepMemory memory = memory(LayerShapes.parallel(), "q_proj");

    assertThat(memory.kept()).isEqualTo(64 + 4 * 64 + 256 + 8);
    assertThat(memory.block()).isEqualTo(2 * 64 + 256 + 64);
  }

  @Test
  void normsBehindTheSumsAndAHeadNarrowerThanTheLayers() {
    StepMemory memory = memory(LayerShapes.narrowHead(), "q_proj");

    // input, q, k, v, what attention puts out, two sums, the inner layer
    assertThat(memory.kept()).isEqualTo(64 + 4 * 64 + 2 * 64 + 256 + 8);
    assertThat(memory.block()).isEqualTo(2 * 64 + 256 + 64);
    assertThat(memory.head()).isEqualTo(4 * 32);
  }
}
