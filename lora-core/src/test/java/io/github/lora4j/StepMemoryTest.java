package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.spi.EngineCosts;
import io.github.lora4j.spi.ModuleTree;
import org.junit.jupiter.api.Test;

final class StepMemoryTest {

  private static final EngineCosts ENGINE = new EngineCosts(4096, 2048, 8L << 20, 256L << 20);

  /** 4 x 512 tokens in bf16, all labelled. */
  private static final StepShape BF16 =
      new StepShape(2048, 2048, 2, 2, StepShape.ALL_LAYERS, ENGINE);

  private static final StepShape FP32 =
      new StepShape(2048, 2048, 4, 4, StepShape.ALL_LAYERS, ENGINE);

  private static LoraPlan plan(ModuleTree tree, String... targets) {
    return LoraPlan.of(tree, LoraConfig.builder().rank(8).alpha(16).targetModules(targets).build());
  }

  @Test
  void publishedShapesWithAllLayersKept() {
    LoraPlan small = plan(BloomShapes.bloom560m(), "query_key_value");
    long unit = 2048L * 1024 * 2; // one hidden state of the batch

    StepMemory memory = small.stepMemory(BF16);

    // 559,214,592 parameters, of which the vectors are in fp32
    assertThat(memory.weights()).isEqualTo(2L * 559_214_592 + 2L * (24 * 13 * 1024 + 4 * 1024));
    assertThat(memory.adapter()).isEqualTo(20L * 786_432);
    assertThat(memory.kept()).isEqualTo(24 * (10 * unit + 2048 * 8 * 2));
    assertThat(memory.block()).isEqualTo(7 * unit); // dy, its successor, dz, and the norm's output
    assertThat(memory.head()).isEqualTo(2048L * (2 * 2048 + 12 * 1024) + 4 * unit);
    assertThat(memory.total())
        .isEqualTo(
            memory.weights() + memory.adapter() + memory.kept() + memory.head() + (256L << 20));
  }

  @Test
  void recomputedLayersKeepTheirInputsAndTheLastOneAll() {
    long unit = 2048L * 2560 * 2;

    StepMemory memory =
        plan(BloomShapes.bloom3b(), "query_key_value").stepMemory(BF16.recomputed());

    assertThat(memory.kept()).isEqualTo(29 * unit + 10 * unit + 2048 * 8 * 2);
    assertThat(memory)
        .hasToString(
            "6.85 GB: weights 6.01, adapter 0.05, kept 0.41, working set 0.11, runtime 0.27");
  }

  @Test
  void withNoLayerKeptTheWorkingSetHoldsOne() {
    long unit = 2048L * 1024 * 4;

    StepMemory memory =
        plan(BloomShapes.bloom560m(), "query_key_value").stepMemory(FP32.keeping(0));

    assertThat(memory.kept()).isEqualTo(24 * unit);
    assertThat(memory.block()).isEqualTo(7 * unit + 9 * unit + 2048 * 8 * 4);
    assertThat(memory.head()).isEqualTo(2048L * (4 * 2048 + 12 * 1024) + 4 * unit);
  }

  @Test
  void fewLabelsMakeASmallHead() {
    LoraPlan plan = plan(BloomShapes.bloom560m(), "query_key_value");

    assertThat(plan.stepMemory(BF16.withLabels(10)).head())
        .isEqualTo(10L * (2 * 2048 + 12 * 1024) + 4L * 2048 * 1024 * 2);
  }

  @Test
  void layersBelowTheLowestAdaptedOneKeepNothing() {
    LoraPlan all = plan(BloomShapes.bloom560m(), "query_key_value");
    LoraPlan upper =
        LoraPlan.of(
            BloomShapes.bloom560m(),
            LoraConfig.builder()
                .rank(8)
                .targetModules("query_key_value")
                .layersToTransform(18, 19, 20, 21, 22, 23)
                .build());

    assertThat(upper.stepMemory(BF16).kept()).isEqualTo(all.stepMemory(BF16).kept() / 4);
  }

  @Test
  void widePairMakesItsInputAgain() {
    long unit = 2048L * 1024 * 2;

    assertThat(plan(BloomShapes.bloom560m(), "dense_4h_to_h").stepMemory(BF16).block())
        .isEqualTo(10 * unit); // dy, its successor, dz, and the activation again
  }

  @Test
  void weightsInAnotherTypeAreConvertedMatrixByMatrix() {
    StepShape half = new StepShape(2048, 2048, 2, 4, 1, ENGINE);
    LoraPlan plan = plan(BloomShapes.bloom560m(), "query_key_value");

    assertThat(plan.stepMemory(half).head() - plan.stepMemory(FP32).head())
        .isEqualTo(2048L * 1024 * 4);
    assertThat(plan.stepMemory(half).block() - plan.stepMemory(FP32).block())
        .isEqualTo(4L * 1024 * 1024 * 4);
  }

  @Test
  void largerBudgetsKeepMoreLayers() {
    LoraPlan plan = plan(BloomShapes.bloom560m(), "query_key_value");
    long least = plan.stepMemory(BF16.keeping(0)).total();
    long most = plan.stepMemory(BF16).total();
    int before = 0;

    assertThat(plan.keptLayersWithin(BF16, least - 1)).isEmpty();
    for (long budget = least; budget < most; budget += (most - least) / 50) {
      int kept = plan.keptLayersWithin(BF16, budget).orElseThrow();
      assertThat(kept).isBetween(before, 23);
      assertThat(plan.stepMemory(BF16.keeping(kept)).total()).isLessThanOrEqualTo(budget);
      before = kept;
    }
    assertThat(plan.keptLayersWithin(BF16, most)).hasValue(24);
  }

  @Test
  void impossibleShapesAreRefused() {
    assertThatThrownBy(() -> new StepShape(2, 3, 2, 2, 0, ENGINE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a step has tokens, and at most as many labels; got 2 tokens and 3 labels");
    assertThatThrownBy(() -> BF16.keeping(-1))
        .hasMessage(
            "weightBytes and computeBytes must be positive and keptLayers not negative, got 2, 2,"
                + " -1");
    assertThatThrownBy(() -> new EngineCosts(-1, 0, 0, 0))
        .hasMessage("engine costs must not be negative, got -1, 0, 0, 0");
  }
}
