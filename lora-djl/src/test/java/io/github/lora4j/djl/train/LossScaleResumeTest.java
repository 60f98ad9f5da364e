package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.HalfPrecision;
import io.github.lora4j.djl.data.TrainingDataset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints of runs in fp16. */
final class LossScaleResumeTest {

  private static final TrainingDataset DATA = TinyRun.dataset(13);

  @TempDir private Path directory;

  private static CausalLm half() throws IOException {
    return HalfPrecision.load(Path.of(TinyRun.CHECKPOINT));
  }

  private TrainingOptions options() {
    return TinyRun.options().maxSteps(14).checkpointDirectory(directory).checkpointEvery(1).build();
  }

  private record Outcome(Map<String, List<Integer>> bits, List<String> steps, JsonObject scale) {}

  /** Trains to the end, from a checkpoint or afresh. */
  private Outcome train(CausalLm base, String from) throws IOException {
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, TinyRun.config(0.1).build())) {
      LoraTrainer.Builder trainer = TinyRun.trainer(peft, options());
      if (!from.isEmpty()) {
        trainer.resumeFrom(directory.resolve(from));
      }
      List<String> steps =
          trainer.build().train(DATA).steps().stream()
              .map(
                  step ->
                      "%d %s %s %s"
                          .formatted(
                              step.step(), step.loss(), step.gradNorm(), step.learningRate()))
              .toList();
      return new Outcome(TinyRun.bits(peft), steps, scale("checkpoint-14"));
    }
  }

  private Path file(String checkpoint) {
    return directory.resolve(checkpoint).resolve(TrainingState.FILE_NAME);
  }

  private JsonObject state(String checkpoint) throws IOException {
    return JsonParser.parseString(Files.readString(file(checkpoint))).getAsJsonObject();
  }

  private JsonObject scale(String checkpoint) throws IOException {
    return state(checkpoint).getAsJsonObject("loss_scale");
  }

  /** Makes the steps after a checkpoint overflow for a while. */
  private void enlargeScale(String checkpoint) throws IOException {
    JsonObject state = state(checkpoint);
    state.getAsJsonObject("loss_scale").addProperty("scale", 1 << 22);
    Files.writeString(file(checkpoint), state.toString());
  }

  @Test
  void runThatSkippedStepsIsResumedBitForBit() throws IOException {
    try (CausalLm base = half()) {
      train(base, "");
      assertThat(scale("checkpoint-2").toString())
          .isEqualTo("{\"scale\":65536.0,\"good_steps\":2,\"skipped_steps\":0}");
      enlargeScale("checkpoint-2");
      Outcome whole = train(base, "checkpoint-2");
      int skipped = whole.scale().get("skipped_steps").getAsInt();
      assertThat(skipped).isBetween(2, 8);
      assertThat(whole.steps()).filteredOn(step -> step.contains("Infinity")).hasSize(skipped);

      assertThat(train(base, "checkpoint-3")).as("between skipped steps").isEqualTo(whole);
      assertThat(train(base, "checkpoint-12")).as("after them").isEqualTo(whole);
    }
  }

  @Test
  void checkpointWithoutAScaleIsContinuedWithTheFirstOne() throws IOException {
    try (CausalLm single = TinyRun.base();
        CausalLm base = half()) {
      train(single, "");
      assertThat(state("checkpoint-4").has("loss_scale")).isFalse();

      train(base, "checkpoint-4");

      assertThat(scale("checkpoint-14").toString())
          .isEqualTo("{\"scale\":65536.0,\"good_steps\":10,\"skipped_steps\":0}");
    }
  }

  @Test
  void scheduleDoesNotJumpWhenARunGoesOnInSinglePrecision() throws IOException {
    try (CausalLm single = TinyRun.base();
        CausalLm base = half()) {
      train(base, "");
      enlargeScale("checkpoint-2");
      Outcome whole = train(base, "checkpoint-2");

      Outcome single12 = train(single, "checkpoint-12");

      assertThat(rate(single12, 14)).isEqualTo(rate(whole, 14));
      assertThat(single12.scale().keySet()).containsExactly("skipped_steps");
    }
  }

  private static String rate(Outcome outcome, int step) {
    String record = outcome.steps().get(step - 1);
    return record.substring(record.lastIndexOf(' '));
  }
}
