package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.PeftModel;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters that PEFT 0.21 saved, through the front door. */
final class PeftFilesTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/bloom");

  @ParameterizedTest
  @ValueSource(strings = {"power-of-two", "six-heads"})
  void adaptersOfPeftGiveItsLogitsAndCounts(String name) throws IOException {
    BloomGolden golden = new BloomGolden(name);
    JsonObject manifest =
        JsonParser.parseString(Files.readString(GOLDEN.resolve(name).resolve("manifest.json")))
            .getAsJsonObject()
            .getAsJsonObject("adapters");

    try (CausalLm base = golden.load(Precision.FP32)) {
      for (String adapter : golden.adapters()) {
        Path directory = GOLDEN.resolve(name).resolve("adapters").resolve(adapter);
        try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, directory, true)) {
          assertLogits(golden, adapter, peft.model());
          var expected = manifest.getAsJsonObject(adapter).getAsJsonArray("trainable");
          assertThat(peft.parameterCount().trainable()).isEqualTo(expected.get(0).getAsLong());
          assertThat(peft.parameterCount().all()).isEqualTo(expected.get(1).getAsLong());
        }
      }
    }
  }

  private static void assertLogits(BloomGolden golden, String adapter, CausalLm model) {
    float[][][] logits = model.logits(golden.rows());
    for (int row = 0; row < logits.length; row++) {
      TensorData expected = golden.expected("adapters/%s/logits/%d".formatted(adapter, row));
      int at = 0;
      for (float[] position : logits[row]) {
        for (float score : position) {
          assertThat(score).isCloseTo(expected.values()[at++], within(1e-4f));
        }
      }
      assertThat(at).isEqualTo(expected.values().length);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"power-of-two", "six-heads"})
  void savingAgainKeepsTheWeightsByteForByte(String name, @TempDir Path temp) throws IOException {
    BloomGolden golden = new BloomGolden(name);

    try (CausalLm base = golden.load(Precision.BF16)) {
      for (String adapter : golden.adapters()) {
        Path directory = GOLDEN.resolve(name).resolve("adapters").resolve(adapter);
        Path first = temp.resolve(adapter + "-1");
        Path second = temp.resolve(adapter + "-2");
        try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, directory)) {
          peft.save(first);
        }
        try (PeftModel<CausalLm> peft = PeftModel.fromPretrained(base, first)) {
          peft.save(second);
        }

        assertThat(first.resolve("adapter_model.safetensors"))
            .hasSameBinaryContentAs(directory.resolve("adapter_model.safetensors"));
        for (String file : new String[] {"adapter_model.safetensors", "adapter_config.json"}) {
          assertThat(second.resolve(file)).hasSameBinaryContentAs(first.resolve(file));
        }
      }
    }
  }
}
