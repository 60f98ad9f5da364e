package io.github.lora4j.djl.model.phi;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.ActivationSetting;
import io.github.lora4j.djl.model.RopeDefaults;
import io.github.lora4j.djl.model.RopeSettings;
import io.github.lora4j.djl.model.SettingChecks;

/**
 * The shape of a Phi checkpoint.
 *
 * @param vocabulary rows of the embedding, V
 * @param hidden width of a token, D
 * @param inner width of the feed-forward layer, F
 * @param layers number of blocks
 * @param heads query heads; D divides by it
 * @param keyHeads heads of keys and values; divides the query heads
 * @param epsilon of every norm
 * @param activation of the feed-forward layer
 * @param tied whether the head has the embedding's matrix; its bias is its own
 * @param rope angles by position
 * @param dropouts what its dropout modules print
 * @param padding index that the embedding prints, negative for none
 */
public record PhiConfig(
    int vocabulary,
    int hidden,
    int inner,
    int layers,
    int heads,
    int keyHeads,
    double epsilon,
    ActivationSetting activation,
    boolean tied,
    RopeSettings rope,
    Dropouts dropouts,
    int padding) {

  /**
   * Probabilities of dropouts, which are never active here.
   *
   * @param embedding behind the embedding
   * @param residual behind sub-layers
   */
  public record Dropouts(double embedding, double residual) {}

  /** Checks the shape; all problems in one exception. */
  public PhiConfig {
    new SettingChecks()
        .positive("vocab_size", vocabulary)
        .positive("hidden_size", hidden)
        .positive("intermediate_size", inner)
        .layers("num_hidden_layers", layers)
        .positive("num_attention_heads", heads)
        .positive("num_key_value_heads", keyHeads)
        .divides("num_attention_heads", heads, "hidden_size", hidden)
        .divides("num_key_value_heads", keyHeads, "num_attention_heads", heads)
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
  public static PhiConfig of(Json json) {
    int hidden = json.whole("hidden_size").orElse(2048);
    int heads = json.whole("num_attention_heads").orElse(32);
    int vocabulary = json.whole("vocab_size").orElse(51_200);
    int width = heads == 0 ? 2 : Math.max(2, hidden / heads);
    SettingChecks.derivedHeadWidth(json, hidden, heads);
    SettingChecks.only(json, "qk_layernorm", false);
    try {
      return new PhiConfig(
          vocabulary,
          hidden,
          json.whole("intermediate_size").orElse(8192),
          json.whole("num_hidden_layers").orElse(24),
          heads,
          json.whole("num_key_value_heads").orElse(heads),
          json.number("layer_norm_eps").orElse(1e-5),
          SettingChecks.activation(json, "hidden_act", "gelu_new"),
          json.flag("tie_word_embeddings").orElse(false),
          RopeSettings.partial(
              json, width, RopeDefaults.upTo(2048).withPart("partial_rotary_factor", 0.5)),
          new Dropouts(json.number("embd_pdrop").orElse(0), json.number("resid_pdrop").orElse(0)),
          SettingChecks.padding(json.whole("pad_token_id"), vocabulary));
    } catch (IllegalArgumentException e) {
      throw new LoraException(json + ": " + e.getMessage(), e);
    }
  }

  int headWidth() {
    return hidden / heads;
  }
}
