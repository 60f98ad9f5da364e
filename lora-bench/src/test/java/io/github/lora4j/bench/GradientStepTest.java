package io.github.lora4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@EnabledOnOs(value = OS.LINUX, disabledReason = "memory is read from /proc")
class GradientStepTest {

  private static final Path GOLDEN =
      Path.of(
          System.getProperty("lora4j.root"),
          "lora-djl/src/test/resources/golden/bloom/power-of-two");

  @TempDir private Path directory;

  @Test
  void everyRepetitionHasTheSameLossAndTheGradientsAreWritten() throws IOException {
    JsonObject once = run(1);
    JsonObject thrice = run(3);

    assertThat(once.get("loss").getAsDouble()).isPositive().isFinite();
    assertThat(thrice.get("loss")).isEqualTo(once.get("loss"));
    assertThat(thrice.getAsJsonArray("seconds")).hasSize(3);
    try (Safetensors gradients = Safetensors.open(directory.resolve("gradients.safetensors"))) {
      assertThat(gradients.tensors().stream().map(TensorEntry::name))
          .isNotEmpty()
          .allMatch(name -> name.endsWith(".lora_A") || name.endsWith(".lora_B"));
    }
  }

  private JsonObject run(int repetitions) throws IOException {
    Path batch = directory.resolve("batch.json");
    Files.writeString(
        batch, "{\"tokens\": [[5, 6, 7, 8], [9, 10]], \"labels\": [[5, -100, 7, 8], [9, 10]]}");
    PrintStream console = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      GradientStep.main(
          new String[] {
            GOLDEN.resolve("checkpoint").toString(),
            GOLDEN.resolve("adapters/attention").toString(),
            batch.toString(),
            "fp32",
            "true",
            String.valueOf(repetitions),
            directory.resolve("gradients.safetensors").toString()
          });
    } finally {
      System.setOut(console);
    }
    return JsonParser.parseString(printed.toString(StandardCharsets.UTF_8)).getAsJsonObject();
  }
}
