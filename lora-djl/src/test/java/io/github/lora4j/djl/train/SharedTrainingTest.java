package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.Siblings;
import io.github.lora4j.djl.data.TokenDataset;
import io.github.lora4j.djl.data.TrainingDataset;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Windows of six examples, passes of two. */
@SuppressWarnings("NullAway.Init") // JUnit calls the method that sets the base
final class SharedTrainingTest {

  /** Three windows when not shuffled: two families, one large family, and what is left. */
  private static final TrainingDataset DATA =
      TokenDataset.of(
          Siblings.rows(
              1,
              TinyRun.VOCABULARY,
              new int[] {20, 3, 4, 5},
              new int[] {17, 2, 2, 6},
              new int[] {33, 1, 5, 9, 2, 2, 7},
              new int[] {0, 8}));

  private CausalLm base;

  @BeforeEach
  void loadBase() throws IOException {
    base = TinyRun.base();
  }

  @AfterEach
  void closeBase() {
    base.close();
  }

  private PeftModel<CausalLm> wrap() {
    return PeftModel.wrap(base, TinyRun.config(0).build(), 7);
  }

  private TrainingReport train(PeftModel<CausalLm> peft, TrainingOptions options)
      throws IOException {
    return TinyRun.trainer(peft, options).validation(DATA).build().train(DATA);
  }

  @Test
  void stepsAreThoseOfWholeSequences() throws IOException {
    TrainingOptions.Builder options = TinyRun.options().shuffle(false).maxSteps(6);
    try (PeftModel<CausalLm> whole = wrap();
        PeftModel<CausalLm> shared = wrap()) {
      TrainingReport expected = train(whole, options.build());
      TrainingReport actual = train(shared, options.sharePassages(true).build());

      for (int i = 0; i < 6; i++) {
        TrainingStep step = expected.steps().get(i);
        assertThat(actual.steps().get(i).loss()).isCloseTo(step.loss(), within(1e-5));
        assertThat(actual.steps().get(i).gradNorm())
            .isCloseTo(step.gradNorm(), within(1e-4 * step.gradNorm()));
      }
      assertThat(actual.evaluations()).hasSameSizeAs(expected.evaluations());
      assertThat(actual.evaluations().get(0).loss())
          .isCloseTo(expected.evaluations().get(0).loss(), within(1e-5));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sharePassages", "groupByLength"})
  void resumedRunEqualsAnUninterruptedOneBitForBit(String option, @TempDir Path directory)
      throws IOException {
    TrainingOptions options = with(option, TinyRun.options()).build();
    TrainingOptions kept =
        with(option, TinyRun.options()).checkpointDirectory(directory).checkpointEvery(4).build();
    try (PeftModel<CausalLm> once = wrap();
        PeftModel<CausalLm> stopped = wrap();
        PeftModel<CausalLm> resumed = PeftModel.wrap(base, TinyRun.config(0).build(), 99)) {
      train(once, options);
      train(stopped, kept);

      TinyRun.trainer(resumed, options)
          .validation(DATA)
          .resumeFrom(directory.resolve("checkpoint-4"))
          .build()
          .train(DATA);

      Map<String, List<Integer>> bits = TinyRun.bits(once);
      assertThat(TinyRun.bits(stopped)).isEqualTo(bits);
      assertThat(TinyRun.bits(resumed)).isEqualTo(bits);
    }
  }

  private static TrainingOptions.Builder with(String option, TrainingOptions.Builder options) {
    return option.equals("sharePassages")
        ? options.sharePassages(true)
        : options.groupByLength(true);
  }

  @Test
  void otherOrderOfTheDataIsRefused(@TempDir Path directory) throws IOException {
    TrainingOptions options =
        TinyRun.options().sharePassages(true).checkpointDirectory(directory).maxSteps(2).build();
    TrainingOptions other =
        TinyRun.options().groupByLength(true).checkpointDirectory(directory).maxSteps(2).build();
    try (PeftModel<CausalLm> peft = wrap()) {
      train(peft, options);
      LoraTrainer trainer =
          TinyRun.trainer(peft, other).validation(DATA).resumeFrom(directory).build();

      assertThatThrownBy(() -> trainer.train(DATA))
          .isInstanceOf(LoraException.class)
          .hasMessageContainingAll(
              "sharePassages: checkpoint true, now nothing",
              "groupByLength: checkpoint nothing, now true");
    }
  }

  @Test
  void stepsLeaveNoArrays() throws IOException {
    List<Integer> counts = new ArrayList<>();
    TrainingListener counter =
        new TrainingListener() {
          @Override
          public void onStep(TrainingStep step) {
            counts.add(ManagedArrays.below(base.decoder().manager()));
          }
        };
    TrainingOptions options = TinyRun.options().sharePassages(true).maxSteps(12).build();
    try (PeftModel<CausalLm> peft = wrap()) {
      TinyRun.trainer(peft, options).listener(counter).build().train(DATA);
    }

    assertThat(counts).hasSize(12).containsOnly(counts.get(0));
  }
}
