package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.TrainingDataset;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training of DoRA, with LoRA+ and dropout: resumed, and without a leak. */
final class DoraTrainingTest {

  private static final TrainingDataset DATA = TinyRun.dataset(13);

  private static TrainingOptions.Builder options() {
    return TinyRun.options().loraPlusRatio(4);
  }

  private static PeftModel<CausalLm> wrap(CausalLm base, long seed) {
    return PeftModel.wrap(base, TinyRun.config(0.1).dora(true).build(), seed);
  }

  @Test
  void resumedRunEqualsAnUninterruptedOneBitForBit(@TempDir Path directory) throws IOException {
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> whole = wrap(base, 42);
        PeftModel<CausalLm> first = wrap(base, 42);
        PeftModel<CausalLm> second = wrap(base, 99)) {
      Map<String, List<Integer>> start = TinyRun.bits(whole);
      TinyRun.trainer(whole, options().build()).build().train(DATA);
      TrainingOptions saved = options().checkpointDirectory(directory).build();
      LoraTrainer[] running = new LoraTrainer[1];
      TrainingListener stopper =
          new TrainingListener() {
            @Override
            public void onStep(TrainingStep record) {
              if (record.step() == 3) {
                running[0].stop();
              }
            }
          };
      running[0] = TinyRun.trainer(first, saved).listener(stopper).build();
      running[0].train(DATA);

      TinyRun.trainer(second, saved).resumeFrom(directory).build().train(DATA);

      Map<String, List<Integer>> trained = TinyRun.bits(whole);
      assertThat(TinyRun.bits(second)).isEqualTo(trained);
      assertThat(trained.keySet())
          .filteredOn(name -> name.endsWith(".lora_magnitude_vector"))
          .hasSize(4)
          .allSatisfy(name -> assertThat(trained.get(name)).isNotEqualTo(start.get(name)));
    }
  }

  @Test
  void trainingsLeaveNoArrays() throws IOException {
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = wrap(base, 42)) {
      TinyRun.trainer(peft, options().maxSteps(2).build()).build().train(DATA);
      int before = ManagedArrays.below(base.decoder().manager());

      for (int i = 0; i < 3; i++) {
        TinyRun.trainer(peft, options().maxSteps(2).build()).build().train(DATA);
        assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(before);
      }
    }
  }
}
