package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.io.RawTorch;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An adapter in adapter_model.bin is the one that it is in adapter_model.safetensors. */
class LegacyAdapterTest {

  private static final Path SAME = Golden.path("mlp/both-targets");

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"torch/adapter", "torch/adapter-stream"})
  void bothLayoutsLoadAsSafetensorsDo(String name) throws IOException {
    FloatMlp base = PeftGoldenTest.base();

    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, Golden.path(name));
        PeftModel<FloatMlp> expected = PeftModel.fromPretrained(base, SAME)) {
      assertThat(peft.tensors()).isEqualTo(expected.tensors()).isNotEmpty();
      assertThat(peft.config()).isEqualTo(expected.config());
    }
  }

  @Test
  void savingWhatWasPickledGivesPeftsSafetensors() throws IOException {
    Path saved = directory.resolve("saved");
    try (PeftModel<FloatMlp> peft =
        PeftModel.fromPretrained(PeftGoldenTest.base(), Golden.path("torch/adapter"))) {
      peft.save(saved);
    }

    assertThat(saved.resolve("adapter_model.safetensors"))
        .hasSameBinaryContentAs(SAME.resolve("adapter_model.safetensors"));
  }

  @Test
  void safetensorsArePreferredWhereBothAreThere() throws IOException {
    for (String file : new String[] {"adapter_config.json", "adapter_model.safetensors"}) {
      Files.copy(SAME.resolve(file), directory.resolve(file));
    }
    FloatMlp base = PeftGoldenTest.base();
    Map<String, TensorData> expected;
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, SAME)) {
      expected = peft.tensors();
    }
    Map<String, TensorData> zeros = new LinkedHashMap<>();
    expected.forEach(
        (name, t) ->
            zeros.put(
                "base_model.model." + name + ".weight",
                new TensorData(t.shape(), new float[t.values().length])));
    RawTorch.write(directory.resolve("adapter_model.bin"), zeros);

    assertThat(load(base)).isEqualTo(expected);
    Files.delete(directory.resolve("adapter_model.safetensors"));
    assertThat(load(base).values()).allSatisfy(t -> assertThat(t.values()).containsOnly(0));
  }

  private Map<String, TensorData> load(FloatMlp base) throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, directory)) {
      return peft.tensors();
    }
  }
}
