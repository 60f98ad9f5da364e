package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The note that a base stores matrices as (in, out): put right as PEFT does, and of no effect. */
class FanInFanOutTest {

  @TempDir Path directory;

  @Test
  void noteThatIsNotTrueOfALinearMapIsPutRight() throws IOException {
    FloatMlp base = FloatMlp.random(3, 6, 10, 5, 1);
    LoraConfig config =
        LoraConfig.builder().rank(2).init(LoraInit.RANDOM).targetModules("up").build();
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config)) {
      peft.save(directory);
      Path file = directory.resolve("adapter_config.json");
      Files.writeString(
          file,
          Files.readString(file).replace("\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true"));

      try (PeftModel<FloatMlp> again = PeftModel.fromPretrained(base, directory)) {
        assertThat(LoraConfig.read(directory).fanInFanOut()).isTrue();
        assertThat(again.config().fanInFanOut()).isFalse();
        assertThat(again.tensors()).as("A (r, in), B (out, r)").isEqualTo(peft.tensors());
      }
    }
  }

  /** Files keep A as (r, in) and B as (out, r), however the base stores its matrix. */
  @Test
  void noteIsMadeForTransposedMaps() throws IOException {
    TargetModule map =
        new TargetModule("h.0.attn.c_attn", "Conv1D", "nf=48, nx=16", Kind.LINEAR, 16, 48);
    ModuleTree tree =
        new ModuleTree(
            "gpt2",
            "",
            List.of(TargetModule.other("", "GPT2Model", ""), map),
            List.of(new ParameterInfo("h.0.attn.c_attn.weight", List.of(16L, 48L))));

    LoraPlan plan = LoraPlan.of(tree, LoraConfig.builder().build());

    assertThat(plan.config().fanInFanOut()).isTrue();
    assertThat(plan.config().toJson()).contains("\"fan_in_fan_out\": true");
    assertThat(plan.pairs().get(0).inFeatures()).isEqualTo(16);
    assertThat(plan.pairs().get(0).outFeatures()).isEqualTo(48);
  }
}
