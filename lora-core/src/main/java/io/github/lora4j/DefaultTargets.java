package io.github.lora4j;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The customary targets per model type: PEFT 0.21's table, and the types that it lacks. */
final class DefaultTargets {

  private static final Map<String, TargetModules> TABLE = new TreeMap<>();

  static {
    put(
        TargetModules.of("query_key_value"),
        "bloom gpt_neox falcon chatglm RefinedWeb RefinedWebModel");
    put(
        TargetModules.of("q_proj", "v_proj"),
        "llama llama4 mistral mixtral qwen2 qwen3 gemma gemma2 gemma3_text opt gptj gpt_neo bart stablelm");
    put(TargetModules.of("q_proj", "v_proj", "fc1", "fc2"), "phi");
    put(TargetModules.of("c_attn"), "gpt2 gpt_bigcode");
    put(TargetModules.of("c_proj", "c_attn"), "btlm");
    put(TargetModules.of("q", "v"), "t5 mt5");
    put(TargetModules.of("q", "v", "q_proj", "v_proj"), "blip-2");
    put(TargetModules.of("query", "value"), "bert roberta xlm-roberta electra layoutlm");
    put(TargetModules.of("query_proj", "value_proj"), "deberta-v2");
    put(TargetModules.of("in_proj"), "deberta");
    put(TargetModules.of("Wqkv"), "mpt");
    put(TargetModules.of("qkv_proj"), "codegen");
    put(TargetModules.matching(".*language_model\\..*\\.(q_proj|v_proj)"), "gemma4");
    put(TargetModules.of("q_proj", "k_proj", "v_proj", "o_proj"), "nemotron_h");
    put(TargetModules.of("key", "value", "receptance", "output"), "rwkv");
    put(TargetModules.of("r_proj", "k_proj", "v_proj", "o_proj", "key", "value"), "rwkv7");
    // not in PEFT's table: the attention inputs, as for their relatives
    put(
        TargetModules.of("q_proj", "v_proj"),
        "gemma3 qwen2_moe qwen3_moe gpt_oss starcoder2 cohere granite olmo2 smollm3");
    put(TargetModules.of("qkv_proj"), "phi3");
    put(TargetModules.of("q_proj", "q_b_proj", "kv_b_proj"), "deepseek_v3");
    put(TargetModules.of("wqkv"), "internlm2");
    put(TargetModules.of("W_pack"), "baichuan");
  }

  private DefaultTargets() {}

  private static void put(TargetModules targets, String modelTypes) {
    for (String modelType : modelTypes.split(" ", -1)) {
      TABLE.put(modelType, targets);
    }
  }

  static Optional<TargetModules> find(String modelType) {
    return Optional.ofNullable(TABLE.get(modelType));
  }

  static String unknown(String modelType) {
    return "model type '%s' has no default target modules; name them. Types with defaults: %s"
        .formatted(modelType, TABLE.keySet());
  }
}
