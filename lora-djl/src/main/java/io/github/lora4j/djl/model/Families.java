package io.github.lora4j.djl.model;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.bloom.BloomConfig;
import io.github.lora4j.djl.model.bloom.BloomModel;
import io.github.lora4j.djl.model.falcon.FalconConfig;
import io.github.lora4j.djl.model.falcon.FalconModel;
import io.github.lora4j.djl.model.gemma.GemmaConfig;
import io.github.lora4j.djl.model.gemma.GemmaModel;
import io.github.lora4j.djl.model.gpt2.Gpt2Config;
import io.github.lora4j.djl.model.gpt2.Gpt2Model;
import io.github.lora4j.djl.model.gptneox.GptNeoxConfig;
import io.github.lora4j.djl.model.gptneox.GptNeoxModel;
import io.github.lora4j.djl.model.llama.LlamaConfig;
import io.github.lora4j.djl.model.llama.LlamaConfig.Family;
import io.github.lora4j.djl.model.llama.LlamaModel;
import io.github.lora4j.djl.model.opt.OptConfig;
import io.github.lora4j.djl.model.opt.OptModel;
import io.github.lora4j.djl.model.phi.PhiConfig;
import io.github.lora4j.djl.model.phi.PhiModel;
import io.github.lora4j.djl.model.phi3.Phi3Config;
import io.github.lora4j.djl.model.phi3.Phi3Model;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** The families of models, by the {@code model_type} of their configurations. */
public final class Families {

  private static final Map<String, Function<Json, ModelFamily>> BY_TYPE = new TreeMap<>();

  static {
    BY_TYPE.put("bloom", json -> new BloomModel(BloomConfig.of(json)));
    BY_TYPE.put("falcon", json -> new FalconModel(FalconConfig.of(json)));
    BY_TYPE.put("gemma2", json -> new GemmaModel(GemmaConfig.of(json, false)));
    BY_TYPE.put("gemma3_text", json -> new GemmaModel(GemmaConfig.of(json, true)));
    BY_TYPE.put("gpt2", json -> new Gpt2Model(Gpt2Config.of(json)));
    BY_TYPE.put("gpt_neox", json -> new GptNeoxModel(GptNeoxConfig.of(json)));
    BY_TYPE.put("llama", json -> new LlamaModel(LlamaConfig.of(json, Family.LLAMA)));
    BY_TYPE.put("mistral", json -> new LlamaModel(LlamaConfig.of(json, Family.MISTRAL)));
    BY_TYPE.put("opt", json -> new OptModel(OptConfig.of(json)));
    BY_TYPE.put("phi", json -> new PhiModel(PhiConfig.of(json)));
    BY_TYPE.put("phi3", json -> new Phi3Model(Phi3Config.of(json)));
    BY_TYPE.put("qwen2", json -> new LlamaModel(LlamaConfig.of(json, Family.QWEN2)));
    BY_TYPE.put("qwen3", json -> new LlamaModel(LlamaConfig.of(json, Family.QWEN3)));
  }

  private Families() {}

  /** What such checkpoints hold are codes, not weights, even where their type is a floating one. */
  private static void refuseQuantised(Json json) {
    if (json.has("quantization_config")) {
      String method =
          json.object("quantization_config").flatMap(q -> q.text("quant_method")).orElse("unnamed");
      throw new LoraException(
          "%s: quantization_config '%s' is not supported; take the checkpoint that it was made of, and load it with Precision.INT8"
              .formatted(json, method));
    }
  }

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
          "%s: model_type '%s' is not supported; supported: %s; a model of another family is adapted as a DJL Block"
              .formatted(json, type, BY_TYPE.keySet()));
    }
    refuseQuantised(json);
    return family.apply(json);
  }
}
