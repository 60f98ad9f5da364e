package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatArrayBackend;
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

/** PEFT's adapters on the float-array engine: the same outputs, gradients and files. */
class PeftGoldenTest {

  /** fp32 sums of up to ten products of numbers around one. */
  private static final float TOLERANCE = 2e-5f;

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "one-target",
        "both-targets",
        "rank-stabilised",
        "patterns",
        "layer",
        "all-linear",
        "bias-all",
        "bias-lora-only",
        "dora",
        "dora-patterns"
      })
  void outputsAndGradientsAreThoseOfPeft(String name) throws IOException {
    FloatMlp base = base();
    Map<String, TensorData> inputs = tensors("inputs.safetensors");
    Map<String, TensorData> expected = tensors(name + "/expected.safetensors");

    try (PeftModel<FloatMlp> peft =
        PeftModel.fromPretrained(base, Golden.path("mlp/" + name), true)) {
      Map<String, TensorData> gradients =
          peft.model().gradients(get(inputs, "x"), get(inputs, "dy"));

      assertClose("y", peft.model().forward(get(inputs, "x")), get(expected, "y"));
      assertThat(peft.tensors()).hasSize(expected.size() - 1);
      for (String tensor : peft.tensors().keySet()) {
        assertClose(tensor, get(gradients, tensor), get(expected, "gradient." + tensor));
      }
      assertClose("base", base.forward(get(inputs, "x")), get(inputs, "y"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "one-target",
        "both-targets",
        "rank-stabilised",
        "patterns",
        "layer",
        "all-linear",
        "bias-all",
        "bias-lora-only",
        "dora",
        "dora-patterns"
      })
  void savingWhatPeftWroteGivesItsBytes(String name) throws IOException {
    Path golden = Golden.path("mlp/" + name);
    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base(), golden)) {
      peft.save(directory.resolve("a"));
      peft.save(directory.resolve("b"));
    }

    assertThat(directory.resolve("a/adapter_model.safetensors"))
        .hasSameBinaryContentAs(golden.resolve("adapter_model.safetensors"));
    for (String file : directory.resolve("a").toFile().list()) {
      assertThat(directory.resolve("a").resolve(file))
          .hasSameBinaryContentAs(directory.resolve("b").resolve(file));
    }
    LoraConfig before = LoraConfig.read(golden);
    LoraConfig after = LoraConfig.read(directory.resolve("a"));
    assertThat(after.toBuilder().baseModel("x").build())
        .isEqualTo(before.toBuilder().baseModel("x").build());
  }

  @Test
  void treePrintsAsInPyTorch() throws IOException {
    assertThat(new FloatArrayBackend().modules(base()) + "\n")
        .isEqualTo(Files.readString(Golden.path("mlp/tree.txt")));
  }

  static FloatMlp base() throws IOException {
    return FloatMlp.read(Golden.path("mlp/base.safetensors"));
  }

  private static Map<String, TensorData> tensors(String name) throws IOException {
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    try (Safetensors file = Safetensors.open(Golden.path("mlp/" + name))) {
      for (TensorEntry tensor : file.tensors()) {
        tensors.put(tensor.name(), new TensorData(tensor.shape(), file.floats(tensor)));
      }
    }
    return tensors;
  }

  private static TensorData get(Map<String, TensorData> tensors, String name) {
    return java.util.Objects.requireNonNull(tensors.get(name), name);
  }

  private static void assertClose(String name, TensorData actual, TensorData expected) {
    assertThat(actual.shape()).as(name).isEqualTo(expected.shape());
    float scale = 1;
    for (float value : expected.values()) {
      scale = Math.max(scale, Math.abs(value));
    }
    for (int i = 0; i < expected.values().length; i++) {
      assertThat(actual.values()[i])
          .as("%s, element %d", name, i)
          .isCloseTo(expected.values()[i], within(TOLERANCE * scale));
    }
  }
}
