package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class StepPlanTest {

  private static StepPlan plan(int examples, TrainingOptions.Builder options) {
    return new StepPlan(examples, options.batchSize(2).gradientAccumulation(4).build());
  }

  @Test
  void lastStepOfAnEpochAccumulatesWhatIsLeft() {
    StepPlan plan = plan(19, TrainingOptions.builder());

    assertThat(plan.batchesPerEpoch()).isEqualTo(10);
    assertThat(plan.stepsPerEpoch()).isEqualTo(3);
    assertThat(plan.window(1)).isEqualTo(new StepPlan.Window(0, 0, 4));
    assertThat(plan.window(3)).isEqualTo(new StepPlan.Window(0, 8, 10));
    assertThat(plan.window(4)).isEqualTo(new StepPlan.Window(1, 0, 4));
    assertThat(plan.epochAfter(2)).isEqualTo(0.8);
    assertThat(plan.epochAfter(3)).isEqualTo(1.0);
    assertThat(plan.endsEpoch(3)).isTrue();
    assertThat(plan.endsEpoch(4)).isFalse();
  }

  @Test
  void epochsMayHaveAFraction() {
    assertThat(plan(16, TrainingOptions.builder().epochs(3)).totalSteps()).isEqualTo(6);
    assertThat(plan(16, TrainingOptions.builder().epochs(1.25)).totalSteps()).isEqualTo(3);
    assertThat(plan(16, TrainingOptions.builder().epochs(0.1)).totalSteps()).isEqualTo(1);
  }

  @Test
  void maxStepsOverruleEpochs() {
    assertThat(plan(16, TrainingOptions.builder().epochs(3).maxSteps(50)).totalSteps())
        .isEqualTo(50);
  }

  @Test
  void warmupRatioIsRoundedUpAndOverruledByWarmupSteps() {
    TrainingOptions.Builder options = TrainingOptions.builder().maxSteps(25).warmupRatio(0.1);

    assertThat(plan(16, options).warmupSteps()).isEqualTo(3);
    assertThat(plan(16, options.warmupSteps(7)).warmupSteps()).isEqualTo(7);
  }

  @Test
  void fewerExamplesThanABatchMakeOneStep() {
    StepPlan plan = plan(1, TrainingOptions.builder());

    assertThat(plan.stepsPerEpoch()).isEqualTo(1);
    assertThat(plan.window(2)).isEqualTo(new StepPlan.Window(1, 0, 1));
  }
}
