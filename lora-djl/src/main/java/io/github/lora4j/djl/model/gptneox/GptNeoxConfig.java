package io.github.lora4j.djl.model.gptneox;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.ActivationSetting;
import io.github.lora4j.djl.model.RopeDefaults;
import io.github.lora4j.djl.model.RopeSettings;
import io.github.lora4j.djl.model.SettingChecks;

/**
 * The shape of a GPT-NeoX checkpoint.
 *
 * @param vocabulary rows of the embedding, V
 * @param hidden width of a token, D
 * @param inner width of the feed-forward layer, F
 * @param layers number of blocks
 * @param heads attention heads; D divides by it
 * @param epsilon of every norm
 * @param activation of the feed-forward layer
 * @param parallel whether attention and feed-forward layer read the same
 * @param attentionBias whether the maps of attention add a bias
 * @param tied whether the head is the embedding
 * @param rope angles by position
 * @param dropout what its dropout modules print
 */
public record GptNeoxConfig(
    int vocabulary,
    int hidden,
    int inner,
    int layers,
    int heads,
    double epsilon,
    ActivationSetting activation,
    boolean parallel,
    boolean attentionBias,
    boolean tied,
    RopeSettings rope,
    double dropout) {

  private static final RopeDefaults ROPE =
      RopeDefaults.upTo(2048).withBase("rotary_emb_base", 10_000).withPart("rotary_pct", 0.25);

  /** Checks the shape; all problems in one exception. */
  public GptNeoxConfig {
    new SettingChecks()
        .positive("vocab_size", vocabulary)
        .positive("hidden_size", hidden)
        .positive("intermediate_size", inner)
        .layers("num_hidden_layers", layers)
        .positive("num_attention_heads", heads)
        .divides("num_attention_heads", heads, "hidden_size", hidden)
        .positive("layer_norm_eps", epsilon)
        .throwIfAny();
  }

  /**
   * Reads a shape.
   *
   * @param json the checkpoint's {@code config.json}
   * @return the shape
   * @throws LoraException if a number is missing or no shape of a model, or a setting is not
   *     supported
   */
  public static GptNeoxConfig of(Json json) {
    int hidden = json.whole("hidden_size").orElse(6144);
    int heads = json.whole("num_attention_heads").orElse(64);
    SettingChecks.derivedHeadWidth(json, hidden, heads);
    try {
      return new GptNeoxConfig(
          json.whole("vocab_size").orElse(50432),
          hidden,
          json.whole("intermediate_size").orElse(24_576),
          json.whole("num_hidden_layers").orElse(44),
          heads,
          json.number("layer_norm_eps").orElse(1e-5),
          SettingChecks.activation(json, "hidden_act", "gelu"),
          json.flag("use_parallel_residual").orElse(true),
          json.flag("attention_bias").orElse(true),
          json.flag("tie_word_embeddings").orElse(false),
          RopeSettings.partial(json, heads == 0 ? 2 : Math.max(2, hidden / heads), ROPE),
          json.number("hidden_dropout").orElse(0));
    } catch (IllegalArgumentException e) {
      throw new LoraException(json + ": " + e.getMessage(), e);
    }
  }

  int headWidth() {
    return hidden / heads;
  }
}
