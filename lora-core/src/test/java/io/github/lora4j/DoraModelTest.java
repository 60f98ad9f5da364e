package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adapters of DoRA: how they start, how they are counted, and their files. */
class DoraModelTest {

  private static final String MAGNITUDE = "layers.0.up.lora_magnitude_vector";

  @TempDir Path directory;

  private final FloatMlp base = FloatMlp.random(3, 6, 10, 5, 2);
  private final TensorData x = TensorData.matrix(1, 6, new float[] {1, -2, 0.5f, 3, -1, 0.25f});

  @Test
  void freshAdapterChangesNothing() {
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().build())) {
      assertClose(peft.model().forward(x), base.forward(x));
    }
  }

  @Test
  void magnitudesStartAsTheLengthsOfTheRows() {
    LoraConfig random = config().init(LoraInit.RANDOM).rsLora(true).build();
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, random);
        PeftModel<FloatMlp> plain = PeftModel.wrap(base, random.toBuilder().dora(false).build())) {
      assertThat(get(peft, MAGNITUDE).shape()).containsExactly(10L);
      assertClose(peft.model().forward(x), plain.model().forward(x));
    }
  }

  @Test
  void lengthsAreCountedAndWritten() throws IOException {
    LoraPlan plan = LoraPlan.of(base, config().build());
    LoraPlan plain = LoraPlan.of(base, config().dora(false).build());

    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().build())) {
      peft.save(directory);
    }

    assertThat(plan.parameterCount().trainable() - plain.parameterCount().trainable())
        .isEqualTo(2 * (10 + 6));
    assertThat(plan.parameterCount().all() - plain.parameterCount().all()).isEqualTo(2 * (10 + 6));
    assertThat(Files.size(directory.resolve("adapter_model.safetensors")))
        .isEqualTo(plan.fileBytes());
    assertThat(plan.toString()).startsWith("DoRA for ");
  }

  /** PEFT: test_dora_save_and_load_remapping */
  @Test
  void magnitudesHaveNoWeightInTheirNamesInTheFile() throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().init(LoraInit.RANDOM).build())) {
      Objects.requireNonNull(peft.model().adapter().get(MAGNITUDE)).values()[3] = 7;
      peft.save(directory);

      try (Safetensors file = Safetensors.open(directory.resolve("adapter_model.safetensors"))) {
        assertThat(file.tensors().stream().map(TensorEntry::name))
            .filteredOn(name -> name.contains("magnitude"))
            .hasSize(4)
            .contains("base_model.model." + MAGNITUDE)
            .noneMatch(name -> name.endsWith(".weight"));
      }
      try (PeftModel<FloatMlp> again = PeftModel.fromPretrained(base, directory)) {
        assertThat(again.tensors()).isEqualTo(peft.tensors());
        assertThat(again.config().dora()).isTrue();
        assertThat(again.model().forward(x)).isEqualTo(peft.model().forward(x));
      }
    }
  }

  /** PEFT: test_dora_save_and_load_remapping, the name in the memory of PEFT. */
  @Test
  void namesWithWeightAreReadAsWell() throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().build())) {
      peft.save(directory);
      SafetensorsWriter writer = new SafetensorsWriter();
      try (Safetensors file = Safetensors.open(directory.resolve("adapter_model.safetensors"))) {
        for (TensorEntry entry : file.tensors()) {
          String name = entry.name() + (entry.name().endsWith("vector") ? ".weight" : "");
          writer.add(name, entry.shape(), file.floats(entry));
        }
      }
      writer.writeTo(directory.resolve("adapter_model.safetensors"));

      try (PeftModel<FloatMlp> again = PeftModel.fromPretrained(base, directory)) {
        assertThat(again.tensors()).isEqualTo(peft.tensors());
      }
    }
  }

  @Test
  void fileWithoutLengthsIsRefused() throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().dora(false).build())) {
      peft.save(directory);
    }
    Path file = directory.resolve("adapter_config.json");
    Files.writeString(
        file, Files.readString(file).replace("\"use_dora\": false", "\"use_dora\": true"));

    assertThatThrownBy(() -> PeftModel.fromPretrained(base, directory))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("layers.0.up.lora_magnitude_vector: missing, model (10)");
  }

  @Test
  void lengthsThatTheConfigurationDoesNotMeanAreRefused() throws IOException {
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config().build())) {
      peft.save(directory);
    }
    Path file = directory.resolve("adapter_config.json");
    Files.writeString(
        file, Files.readString(file).replace("\"use_dora\": true", "\"use_dora\": false"));

    assertThatThrownBy(() -> PeftModel.fromPretrained(base, directory))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining(MAGNITUDE + ": not a tensor of this adapter, refused");
  }

  private static LoraConfig.Builder config() {
    return LoraConfig.builder().rank(2).alpha(6).dora(true).targetModules("up", "down");
  }

  private static TensorData get(PeftModel<FloatMlp> peft, String name) {
    return Objects.requireNonNull(peft.tensors().get(name), name);
  }

  private static void assertClose(TensorData actual, TensorData expected) {
    assertThat(actual.shape()).isEqualTo(List.copyOf(expected.shape()));
    for (int i = 0; i < expected.values().length; i++) {
      assertThat(actual.values()[i]).isCloseTo(expected.values()[i], within(2e-5f)); // fp32
    }
  }
}
