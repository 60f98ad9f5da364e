package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TensorFileException;
import io.github.lora4j.io.TorchFile;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Adapters from the wild on the shapes of bloom-560m: loaded, or refused with the reason. */
class SharedAdaptersTest {

  private static final ModuleTree BLOOM = BloomShapes.bloom560m();

  @ParameterizedTest
  @ValueSource(strings = {"bloom-560m-r8", "bloom-560m-r4-bias-lora-only"})
  void adapterOfBloomFits(String name) throws IOException {
    AdapterReader.Loaded loaded =
        AdapterReader.read(
            AdapterFiles.in(SharedData.directory("data/adapters/" + name)),
            BLOOM,
            (parameter, row, rows) -> true);

    assertThat(loaded.plan().pairs()).hasSize(24);
    assertThat(loaded.values()).hasSize(48);
  }

  @Test
  void pickledAdapterIsReadUpToItsConfiguration() throws IOException {
    Path adapter = SharedData.directory("data/adapters/bloom-560m-r8-pickle-bin");

    try (TorchFile file = TorchFile.open(adapter.resolve("adapter_model.bin"))) {
      assertThat(file.tensors()).hasSize(48);
      for (TensorEntry tensor : file.tensors()) {
        assertThat(new TensorData(tensor.shape(), file.floats(tensor)).firstNotFinite()).isEmpty();
      }
    }

    assertThatThrownBy(
            () ->
                AdapterReader.read(AdapterFiles.in(adapter), BLOOM, (parameter, row, rows) -> true))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("enable_lora is [true,false,true], which is not supported");
  }

  @Test
  void otherMethodIsRefusedByName() {
    Path adapter = SharedData.directory("data/adapters/prompt-tuning-not-lora");

    assertThatThrownBy(
            () ->
                AdapterReader.read(AdapterFiles.in(adapter), BLOOM, (parameter, row, rows) -> true))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("peft_type 'PROMPT_TUNING' is not supported; wanted LORA");
  }

  @Test
  void fullyTrainedHeadsAreRefusedByName() {
    Path adapter = SharedData.directory("data/adapters/bert-seq-cls-modules-to-save");

    assertThatThrownBy(
            () ->
                AdapterReader.read(AdapterFiles.in(adapter), BLOOM, (parameter, row, rows) -> true))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining(
            "made for SEQ_CLS and brings a head of its own in [classifier, score]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gemma3-270m-r4",
        "gpt-neox-r1-f16",
        "gpt2-r8",
        "opt-125m-r8",
        "phi-1.5-r4",
        "qwen2.5-3b-r4",
        "tinyllama-r4",
        "gpt2-r8-listed-targets-that-do-not-exist"
      })
  void adapterOfAnotherBaseIsRefused(String name) {
    Path adapter = SharedData.directory("data/adapters/" + name);

    assertThatThrownBy(
            () ->
                AdapterReader.read(AdapterFiles.in(adapter), BLOOM, (parameter, row, rows) -> true))
        .isInstanceOf(LoraException.class)
        .hasMessageMatching(
            "(?s).*(does not fit bigscience/bloom-560m|match nothing in BloomModel).*");
  }

  @Test
  void truncatedPickleIsRefused() {
    Path weights =
        SharedData.directory("data/adapters-damaged/sherryxzhao__lora_alpaca__output")
            .resolve("adapter_model.bin");

    assertThatThrownBy(() -> TorchFile.open(weights))
        .isInstanceOf(TensorFileException.class)
        .hasMessage(
            weights
                + ": begins as a zip archive but has no directory at its end, byte 1310720; it is"
                + " truncated, fetch it again");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "yongshuaiy__LLMs-final__lora_model",
        "yongshuaiy__LLMs-final__output_checkpoint-100"
      })
  void truncatedUploadIsRefused(String name) {
    Path weights =
        SharedData.directory("data/adapters-damaged/" + name).resolve("adapter_model.safetensors");

    assertThatThrownBy(() -> Safetensors.open(weights))
        .isInstanceOf(TensorFileException.class)
        .hasMessageStartingWith(weights + ": tensor '")
        .hasMessageContaining("the file is truncated or damaged");
  }
}
