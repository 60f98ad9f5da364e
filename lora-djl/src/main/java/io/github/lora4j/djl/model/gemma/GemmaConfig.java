package io.github.lora4j.djl.model.gemma;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.ActivationSetting;
import io.github.lora4j.djl.model.RopeDefaults;
import io.github.lora4j.djl.model.RopeSettings;
import io.github.lora4j.djl.model.SettingChecks;
import java.util.List;

/**
 * The shape of a Gemma 2 or Gemma 3 text checkpoint.
 *
 * @param third whether it is Gemma 3, which normalises query and key heads and turns those of
 *     layers with a window by other angles
 * @param vocabulary rows of the embedding, V
 * @param hidden width of a token, D
 * @param inner width of the feed-forward layer, F
 * @param heads query heads
 * @param keyHeads heads of keys and values; divides the query heads
 * @param headWidth numbers of a head, d
 * @param scalar scores are divided by its root
 * @param epsilon of every norm
 * @param tied whether the head is the embedding
 * @param bias whether the maps of attention add a bias
 * @param activation of the gate
 * @param windows for every layer, tokens that one sees; 0 for all before it
 * @param scoreCap largest magnitude of a score; 0 for no cap
 * @param logitCap largest magnitude of a logit; 0 for no cap
 * @param global angles of layers that see everything
 * @param local angles of layers with a window
 * @param padding index that the embedding prints, negative for none
 */
public record GemmaConfig(
    boolean third,
    int vocabulary,
    int hidden,
    int inner,
    int heads,
    int keyHeads,
    int headWidth,
    double scalar,
    double epsilon,
    boolean tied,
    boolean bias,
    ActivationSetting activation,
    List<Integer> windows,
    double scoreCap,
    double logitCap,
    RopeSettings global,
    RopeSettings local,
    int padding) {

  private static final RopeDefaults SHORT = RopeDefaults.upTo(8192);
  private static final RopeDefaults LONG = RopeDefaults.upTo(131_072);

  /** Checks the shape; all problems in one exception. */
  public GemmaConfig {
    windows = List.copyOf(windows);
    new SettingChecks()
        .positive("vocab_size", vocabulary)
        .positive("hidden_size", hidden)
        .positive("intermediate_size", inner)
        .layers("num_hidden_layers", windows.size())
        .positive("num_attention_heads", heads)
        .positive("num_key_value_heads", keyHeads)
        .positive("head_dim", headWidth)
        .divides("num_key_value_heads", keyHeads, "num_attention_heads", heads)
        .positive("query_pre_attn_scalar", scalar)
        .positive("rms_norm_eps", epsilon)
        .throwIfAny();
  }

  /**
   * Reads a shape.
   *
   * @param json the checkpoint's {@code config.json}
   * @param third whether it is Gemma 3
   * @return the shape
   * @throws LoraException if a number is missing or no shape of a model, or a setting is not
   *     supported
   */
  public static GemmaConfig of(Json json, boolean third) {
    SettingChecks.only(json, "use_bidirectional_attention", false);
    if (third && json.has("attn_logit_softcapping")) {
      throw new LoraException(
          json + ": attn_logit_softcapping is set; gemma3_text is supported without it");
    }
    int layers = json.whole("num_hidden_layers").orElse(26);
    int width = json.whole("head_dim").orElse(256);
    int every = third ? json.whole("sliding_window_pattern").orElse(6) : 2;
    int angles = Math.max(2, width);
    int vocabulary = json.whole("vocab_size").orElse(third ? 262_208 : 256_000);
    try {
      SettingChecks.limit("num_hidden_layers", layers);
      return new GemmaConfig(
          third,
          vocabulary,
          json.whole("hidden_size").orElse(2304),
          json.whole("intermediate_size").orElse(9216),
          json.whole("num_attention_heads").orElse(8),
          json.whole("num_key_value_heads").orElse(4),
          width,
          json.number("query_pre_attn_scalar").orElse(256),
          json.number("rms_norm_eps").orElse(1e-6),
          json.flag("tie_word_embeddings").orElse(true),
          json.flag("attention_bias").orElse(false),
          SettingChecks.activation(json, "hidden_activation", "gelu_pytorch_tanh"),
          SettingChecks.windows(
              json,
              layers,
              json.wholeUnlessNull("sliding_window", 4096).orElse(0),
              layer -> (layer + 1) % every != 0),
          json.numberUnlessNull("attn_logit_softcapping", third ? 0 : 50).orElse(0),
          json.numberUnlessNull("final_logit_softcapping", third ? 0 : 30).orElse(0),
          third
              ? RopeSettings.of(
                  json, "full_attention", true, angles, LONG.withBase("rope_theta", 1e6))
              : RopeSettings.of(json, angles, SHORT),
          third
              ? RopeSettings.of(
                  json,
                  "sliding_attention",
                  false,
                  angles,
                  LONG.withBase("rope_local_base_freq", 10_000))
              : RopeSettings.of(json, angles, SHORT),
          SettingChecks.padding(json.wholeUnlessNull("pad_token_id", 0), vocabulary));
    } catch (IllegalArgumentException e) {
      throw new LoraException(json + ": " + e.getMessage(), e);
    }
  }

  int layers() {
    return windows.size();
  }
}
