package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import io.github.lora4j.LoraException;
import io.github.lora4j.LoraPlan;
import io.github.lora4j.PeftModel;
import io.github.lora4j.StepMemory;
import io.github.lora4j.StepShape;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.Precision;
import io.github.lora4j.djl.data.TokenDataset;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.TokenBatch;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class LayerBudgetTest {

  private static final TokenBatch BATCH = TokenBatch.of(new int[100], new int[50]);
  private static final TrainingDataset DATA =
      TokenDataset.of(List.of(new int[30], new int[12], new int[20]));

  private final LoraPlan plan =
      LoraPlan.of(CausalLm.modules(Path.of(TinyRun.CHECKPOINT)), TinyRun.config(0).build());

  LayerBudgetTest() throws IOException {}

  private static LoadOptions options(long budget) {
    return LoadOptions.builder().memoryBudget(budget).build();
  }

  private int kept(Recompute recompute, OptionalLong budget) {
    return new LayerBudget(plan, LoadOptions.builder().build(), recompute, budget)
        .keptLayers(BATCH);
  }

  /** Every position labelled, as in the datasets here. */
  private StepMemory memory(long tokens, int kept) {
    return plan.stepMemory(Precision.FP32.step(tokens, tokens, Device.cpu()).keeping(kept));
  }

  @Test
  void budgetDecidesHowManyLayersAreKept() {
    StepShape pass = Precision.FP32.step(150, 0, Device.cpu());
    long none = plan.stepMemory(pass.keeping(0)).total();
    long all = plan.stepMemory(pass).total();

    assertThat(kept(Recompute.AUTO, OptionalLong.of(all))).isEqualTo(2);
    assertThat(kept(Recompute.AUTO, OptionalLong.of(all - 1))).isLessThan(2);
    assertThat(kept(Recompute.AUTO, OptionalLong.of(none - 1))).isZero();
    assertThat(kept(Recompute.AUTO, OptionalLong.empty())).isEqualTo(StepShape.ALL_LAYERS);
  }

  @Test
  void onAndOffAskNoBudget() {
    assertThat(kept(Recompute.ON, OptionalLong.of(1))).isEqualTo(1);
    assertThat(kept(Recompute.OFF, OptionalLong.of(1))).isEqualTo(StepShape.ALL_LAYERS);
  }

  @Test
  void stepThatDoesNotFitIsRefusedBeforeTheFirst() throws IOException {
    long weights = plan.tree().weightBytes(4);

    try (CausalLm base = CausalLm.load(TinyRun.CHECKPOINT, options(weights));
        PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      Map<String, List<Integer>> before = TinyRun.bits(peft);
      LoraTrainer trainer = TinyRun.trainer(peft, TinyRun.options().build()).build();

      assertThatThrownBy(() -> trainer.train(DATA))
          .isInstanceOf(LoraException.class)
          .hasMessage(
              "a step of up to 50 tokens (batchSize 2, longest example 30) would take %s with every"
                      .formatted(memory(50, 0))
                  + " layer recomputed; memoryBudget is %.2f GB. Raise the budget, lower batchSize"
                      .formatted(weights / 1e9)
                  + " (1 takes %.2f GB), shorten the examples, or load the base in a smaller"
                      .formatted(memory(30, 0).total() / 1e9)
                  + " precision than FP32");
      assertThat(TinyRun.bits(peft)).isEqualTo(before);
    }
  }

  @ParameterizedTest
  @EnumSource(Recompute.class)
  void everyPolicyTrainsTheSameBits(Recompute recompute) throws IOException {
    assertThat(trained(recompute, Long.MAX_VALUE))
        .isEqualTo(trained(Recompute.OFF, Long.MAX_VALUE));
  }

  @Test
  void tightBudgetTrainsTheSameBits() throws IOException {
    long least = memory(24, 0).total(); // two rows of 12, the longest there are

    assertThat(trained(Recompute.AUTO, least)).isEqualTo(trained(Recompute.OFF, Long.MAX_VALUE));
  }

  @Test
  void fixedPolicyThatDoesNotFitIsPointedToTheAutomaticOne() throws IOException {
    TrainingDataset rows = TokenDataset.of(Collections.nCopies(400, new int[500]));
    DataSurvey wide = DataSurvey.of("dataset", rows, TinyRun.VOCABULARY);
    long least = plan.stepMemory(Precision.FP32.step(400, 500).keeping(0)).total();
    LayerBudget budget =
        new LayerBudget(plan, options(least), Recompute.OFF, OptionalLong.of(least));

    assertThatThrownBy(() -> budget.requireFits(wide, 400))
        .hasMessageContaining("with no layer recomputed; memoryBudget is %.2f GB", least / 1e9)
        .hasMessageContaining(
            "Raise the budget, use Recompute.AUTO (down to %.2f GB), lower batchSize", least / 1e9);
    new LayerBudget(plan, options(least), Recompute.AUTO, OptionalLong.of(least))
        .requireFits(wide, 400);
  }

  private static Map<String, List<Integer>> trained(Recompute recompute, long budget)
      throws IOException {
    try (CausalLm base = CausalLm.load(TinyRun.CHECKPOINT, options(budget));
        PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      TinyRun.trainer(peft, TinyRun.options().recompute(recompute).build())
          .build()
          .train(TinyRun.dataset(13));
      return TinyRun.bits(peft);
    }
  }
}
