package io.github.lora4j.djl;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.internal.Engines;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.model.bloom.BloomConfig;
import io.github.lora4j.djl.model.bloom.BloomModel;
import io.github.lora4j.io.Safetensors;
import java.io.IOException;
import java.nio.file.Path;

/** A base whose layers compute in fp16 on the CPU, as the public door allows on a GPU only. */
public final class HalfPrecision {

  private HalfPrecision() {}

  /**
   * Loads a small checkpoint.
   *
   * @param directory a Hugging Face model directory
   * @return the base, to be closed by the caller
   */
  public static CausalLm load(Path directory) throws IOException {
    BloomConfig config =
        BloomConfig.of(Json.read(directory.resolve("config.json"), "a model directory"));
    NDManager manager = Engines.newManager(Device.cpu());
    try (Safetensors files = Safetensors.open(directory)) {
      BloomModel model =
          BloomModel.read(config, files, "half", ScalarType.FP16, ScalarType.FP16, manager);
      return new CausalLm(model, Tokenizer.load(directory), LoadOptions.builder().build(), null);
    }
  }
}
