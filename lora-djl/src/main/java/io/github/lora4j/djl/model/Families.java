package io.github.lora4j.djl.model;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.bloom.BloomConfig;
import io.github.lora4j.djl.model.bloom.BloomModel;
import io.github.lora4j.djl.model.llama.LlamaConfig;
import io.github.lora4j.djl.model.llama.LlamaConfig.Family;
import io.github.lora4j.djl.model.llama.LlamaModel;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** The families of models, by the {@code model_type} of their configurations. */
public final class Families {

  private static final Map<String, Function<Json, ModelFamily>> BY_TYPE =
      new TreeMap<>(
          Map.of(
              "bloom", json -> new BloomModel(BloomConfig.of(json)),
              "llama", json -> new LlamaModel(LlamaConfig.of(json, Family.LLAMA)),
              "mistral", json -> new LlamaModel(LlamaConfig.of(json, Family.MISTRAL)),
              "qwen2", json -> new LlamaModel(LlamaConfig.of(json, Family.QWEN2)),
              "qwen3", json -> new LlamaModel(LlamaConfig.of(json, Family.QWEN3))));

  private Families() {}

  /**
   * The model that a configuration describes.
   *
   * @param json a checkpoint's {@code config.json}
   * @return the model in its shape, without weights
   * @throws LoraException if the family is not known, or a setting of it
   */
  public static ModelFamily of(Json json) {
    String type = json.require("model_type", json.text("model_type"));
    Function<Json, ModelFamily> family = BY_TYPE.get(type);
    if (family == null) {
      throw new LoraException(
          "%s: model_type '%s' is not supported; supported: %s"
              .formatted(json, type, BY_TYPE.keySet()));
    }
    return family.apply(json);
  }
}
