package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.TrainingDataset;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

final class KilledTrainingTest {

  private static final TrainingDataset DATA = TinyRun.dataset(13);

  @Test
  @Timeout(value = 5, unit = TimeUnit.MINUTES)
  void killedRunIsResumedBitForBit(@TempDir Path directory) throws Exception {
    trainAndKill(directory);
    assertThat(Checkpoints.find(directory)).contains(directory.resolve("checkpoint-4"));

    try (CausalLm base = TinyRun.base()) {
      Map<String, List<Integer>> expected = trained(base, builder -> builder);
      Map<String, List<Integer>> resumed =
          trained(
              base,
              builder -> builder.options(KilledTraining.options(directory)).resumeFrom(directory));

      assertThat(resumed).isEqualTo(expected);
    }
  }

  private static Map<String, List<Integer>> trained(
      CausalLm base, UnaryOperator<LoraTrainer.Builder> change) throws IOException {
    try (PeftModel<CausalLm> peft = TinyRun.wrap(base)) {
      change.apply(TinyRun.trainer(peft, TinyRun.options().build())).build().train(DATA);
      return TinyRun.bits(peft);
    }
  }

  private static void trainAndKill(Path directory) throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-DOPT_OUT_TRACKING=true",
                "-cp",
                System.getProperty("java.class.path"),
                KilledTraining.class.getName(),
                directory.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
      assertThat(output.readLine()).isEqualTo(KilledTraining.READY);
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.waitFor()).isNotZero();
  }
}
