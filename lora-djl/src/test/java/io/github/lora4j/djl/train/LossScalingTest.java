package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.HalfPrecision;
import io.github.lora4j.djl.data.TokenDataset;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Layers that compute in fp16, here on the CPU, where it is slow but rounds as on a GPU. */
@SuppressWarnings("NullAway.Init") // JUnit calls the method that loads the bases
final class LossScalingTest {

  private static final TrainingDataset DATA = TinyRun.dataset(13);

  /** Gradients overflow with it, and do so no longer after some halvings. */
  private static final LossScale TOO_LARGE = new LossScale(true, 1 << 22, 5, 0);

  private CausalLm half;
  private CausalLm single;

  @BeforeEach
  void loadBases() throws IOException {
    half = HalfPrecision.load(Path.of(TinyRun.CHECKPOINT));
    single = TinyRun.base();
  }

  @AfterEach
  void closeBases() {
    half.close();
    single.close();
  }

  /** Gradients of a loss with a factor, the factor taken out again. */
  private static float[] gradients(CausalLm base, double factor) throws IOException {
    TokenBatch batch = new BatchReader(DATA, 2).read(new int[] {0, 1}, 0);
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      AdapterWeights adapter = peft.model().adapter().orElseThrow();
      try (Pass pass = Pass.training(base.decoder().manager(), batch, adapter, 1)) {
        base.decoder().lossAndGradients(pass, factor, false);
      }
      float[] gradients = adapter.flatGradients().toFloatArray();
      for (int i = 0; i < gradients.length; i++) {
        gradients[i] = (float) (gradients[i] / factor);
      }
      return gradients;
    }
  }

  private static double relativeError(float[] actual, float[] expected) {
    double error = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      error += Math.pow(actual[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    return Math.sqrt(error / norm);
  }

  @Test
  void gradientsOfATinyLossVanishUnlessItIsScaled() throws IOException {
    assertThat(half.decoder().computeType()).isEqualTo(ScalarType.FP16);
    double tiny = 1e-7;
    float[] expected = gradients(single, tiny);

    double scaled = relativeError(gradients(half, tiny * LossScale.INITIAL), expected);
    double unscaled = relativeError(gradients(half, tiny), expected);

    assertThat(scaled).isLessThan(0.01);
    assertThat(unscaled).isGreaterThan(0.5);
  }

  @Test
  void stepsAreThoseOfSinglePrecision() throws IOException {
    try (PeftModel<CausalLm> scaled = TinyRun.wrap(half);
        PeftModel<CausalLm> reference = TinyRun.wrap(single)) {
      List<TrainingStep> expected =
          TinyRun.trainer(reference, TinyRun.options().build()).build().train(DATA).steps();
      List<TrainingStep> actual =
          TinyRun.trainer(scaled, TinyRun.options().build()).build().train(DATA).steps();

      assertThat(actual).hasSameSizeAs(expected).noneMatch(TrainingStep::skipped);
      for (int i = 0; i < actual.size(); i++) {
        TrainingStep reported = expected.get(i);
        assertThat(actual.get(i).loss()).isCloseTo(reported.loss(), withinPercentage(0.1));
        assertThat(actual.get(i).gradNorm()).isCloseTo(reported.gradNorm(), withinPercentage(0.5));
        assertThat(actual.get(i).learningRate()).isEqualTo(reported.learningRate());
      }
    }
  }

  /** A view of the base in fp16 and what takes steps on it. */
  private final class Lab implements AutoCloseable {
    final PeftModel<CausalLm> peft = TinyRun.wrap(half);
    final AdapterWeights adapter = peft.model().adapter().orElseThrow();
    final AdamW optimizer;
    final StepPlan plan;
    final StepRunner runner;

    Lab(TrainingOptions options, TrainingDataset data) {
      optimizer = new AdamW(adapter, options, half.decoder().manager());
      plan = new StepPlan(data.size(), options);
      DataSurvey survey = DataSurvey.of("dataset", data, half.decoder().vocabulary());
      WindowReader reader = WindowReader.of(plan, data, survey, adapter);
      LayerBudget memory = LayerBudget.of(peft, plan.options().recompute());
      runner = new StepRunner(half.decoder(), adapter, optimizer, plan, memory, reader);
    }

    @Override
    public void close() {
      optimizer.close();
      peft.close();
    }
  }

  @Test
  void overflowSkipsTheStepAndHalvesTheScale() {
    try (Lab lab = new Lab(TinyRun.options().build(), DATA)) {
      Map<String, List<Integer>> before = TinyRun.bits(lab.peft);
      lab.runner.restore(TOO_LARGE);

      TrainingStep record = lab.runner.take(1);

      assertThat(record.skipped()).isTrue();
      assertThat(record.gradNorm()).isInfinite();
      assertThat(record.loss()).isCloseTo(8.045, within(0.01)); // that of the first batches
      assertThat(TinyRun.bits(lab.peft)).isEqualTo(before);
      assertThat(lab.optimizer.moments().values())
          .allSatisfy(moment -> assertThat(moment.values()).containsOnly(0));
      assertThat(lab.runner.lossScale()).isEqualTo(new LossScale(true, 1 << 21, 0, 1));
    }
  }

  @Test
  void scheduleWaitsForSkippedSteps() {
    try (Lab lab = new Lab(TinyRun.options().maxSteps(20).build(), DATA)) {
      lab.runner.restore(TOO_LARGE);

      int taken = 0;
      for (int step = 1; step <= 12; step++) {
        TrainingStep record = lab.runner.take(step);
        assertThat(record.step()).isEqualTo(step);
        assertThat(record.learningRate()).isEqualTo(lab.plan.learningRate(taken + 1));
        taken += record.skipped() ? 0 : 1;
      }
      assertThat(taken).isBetween(6, 11);
      assertThat(lab.runner.lossScale().skippedSteps()).isEqualTo(12 - taken);
    }
  }

  @Test
  void optimizerDoesNotCountSkippedSteps() {
    double rate = 0.01;
    TrainingOptions options =
        TinyRun.options()
            .schedule(Schedule.CONSTANT)
            .warmupSteps(0)
            .weightDecay(0)
            .learningRate(rate)
            .build();
    try (Lab lab = new Lab(options, DATA)) {
      float[] before = lab.adapter.flatValues().toFloatArray();
      lab.runner.restore(TOO_LARGE);

      int step = 1;
      while (lab.runner.take(step).skipped()) {
        step++;
      }

      assertThat(step).isGreaterThan(2);
      float[] after = lab.adapter.flatValues().toFloatArray();
      double largest = 0;
      for (int i = 0; i < after.length; i++) {
        largest = Math.max(largest, Math.abs(after[i] - before[i]));
      }
      assertThat(largest) // Adam's first step has the length of the rate, a later first one less
          .isCloseTo(rate, withinPercentage(0.1));
    }
  }

  @Test
  void scaleGrowsAfterEnoughGoodSteps() {
    try (Lab lab = new Lab(TinyRun.options().build(), DATA)) {
      lab.runner.restore(new LossScale(true, 1024, LossScale.GROWTH_INTERVAL - 2, 3));

      assertThat(lab.runner.take(4).skipped()).isFalse();
      assertThat(lab.runner.lossScale()).isEqualTo(new LossScale(true, 1024, 1999, 3));
      assertThat(lab.runner.take(5).skipped()).isFalse();
      assertThat(lab.runner.lossScale()).isEqualTo(new LossScale(true, 2048, 0, 3));
    }
  }

  @Test
  void gradientsThatOverflowWithoutAScaleEndTheRun() {
    TrainingOptions options = TinyRun.options().batchSize(1).gradientAccumulation(1).build();
    TrainingDataset oneLabel = TokenDataset.of(List.of(new int[] {7, 9}));
    try (Lab lab = new Lab(options, oneLabel)) {
      // A of 0 keeps the loss finite, B at the end of fp16's range lets the gradient of A overflow
      lab.adapter.write(filled(lab.adapter, 0, 65_504));
      Map<String, List<Integer>> before = TinyRun.bits(lab.peft);
      lab.runner.restore(new LossScale(true, 2, 0, 0));

      assertThat(lab.runner.take(1).skipped()).isTrue();
      assertThatThrownBy(() -> lab.runner.take(2))
          .isInstanceOf(LoraException.class)
          .hasMessageContaining("the gradients of step 2 are not finite")
          .hasMessageContaining("halved down to 1")
          .hasMessageContaining("the adapter is as after step 1")
          .hasMessageContaining("bf16 or fp32");
      assertThat(TinyRun.bits(lab.peft)).isEqualTo(before);
    }
  }

  /** A filled with one value and B with another. */
  private static Map<String, TensorData> filled(AdapterWeights adapter, float a, float b) {
    Map<String, TensorData> values = new LinkedHashMap<>();
    for (Map.Entry<String, TensorData> tensor : adapter.layout().values().entrySet()) {
      float[] all = new float[tensor.getValue().values().length];
      Arrays.fill(all, tensor.getKey().endsWith(".lora_B") ? b : a);
      values.put(tensor.getKey(), new TensorData(tensor.getValue().shape(), all));
    }
    return values;
  }

  @Test
  void lossThatIsNotFiniteEndsTheRunAtOnce() {
    try (Lab lab = new Lab(TinyRun.options().build(), DATA)) {
      lab.adapter.write(filled(lab.adapter, 60_000, 60_000));

      assertThatThrownBy(() -> lab.runner.take(1))
          .isInstanceOf(LoraException.class)
          .hasMessageContaining("the loss of step 1 is NaN");
    }
  }
}
