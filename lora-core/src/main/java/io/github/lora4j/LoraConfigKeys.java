package io.github.lora4j;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** The keys of PEFT's {@code adapter_config.json}, versions 0.2 to 0.21. */
final class LoraConfigKeys {

  static final String FILE_NAME = "adapter_config.json";

  static final String PEFT_VERSION = "0.21.0";

  /**
   * Settings that change what an adapter computes; anything but the default, here as JSON, is
   * refused by name.
   */
  static final Map<String, String> UNSUPPORTED = new TreeMap<>();

  /** Keys with a meaning here; everything else travels along as it is. */
  static final Set<String> KNOWN =
      Set.of(
          "alpha_pattern",
          "base_model_name_or_path",
          "bias",
          "exclude_modules",
          "fan_in_fan_out",
          "inference_mode",
          "init_lora_weights",
          "layers_pattern",
          "layers_to_transform",
          "lora_alpha",
          "lora_dropout",
          "modules_to_save",
          "peft_type",
          "peft_version",
          "r",
          "rank_pattern",
          "revision",
          "runtime_config",
          "target_modules",
          "task_type",
          "use_dora",
          "use_rslora");

  static {
    for (String key :
        ("alora_invocation_tokens arrow_config corda_config eva_config kasa_config layer_replication"
                + " lora_ga_config megatron_config monteclora_config"
                + " target_parameters trainable_token_indices use_bdlora velora_config")
            .split(" ", -1)) {
      UNSUPPORTED.put(key, "null");
    }
    UNSUPPORTED.put("loftq_config", "{}");
    for (String key : List.of("ensure_weight_tying", "lora_bias", "use_qalora")) {
      UNSUPPORTED.put(key, "false");
    }
  }

  private LoraConfigKeys() {}
}
