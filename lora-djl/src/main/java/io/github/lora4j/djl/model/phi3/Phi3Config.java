package io.github.lora4j.djl.model.phi3;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.ActivationSetting;
import io.github.lora4j.djl.model.RopeDefaults;
import io.github.lora4j.djl.model.RopeSettings;
import io.github.lora4j.djl.model.SettingChecks;
import java.util.List;

/**
 * The shape of a Phi-3 checkpoint.
 *
 * @param vocabulary rows of the embedding, V
 * @param hidden width of a token, D
 * @param inner width of the feed-forward layer, F
 * @param layers number of blocks
 * @param heads query heads
 * @param keyHeads heads of keys and values; divides the query heads
 * @param epsilon of every norm
 * @param tied whether the head is the embedding
 * @param activation of the gate
 * @param window tokens that one sees; 0 for all before it
 * @param rope angles by position
 * @param padding index that the embedding prints, negative for none
 * @param dropout what its dropout modules print
 */
public record Phi3Config(
    int vocabulary,
    int hidden,
    int inner,
    int layers,
    int heads,
    int keyHeads,
    double epsilon,
    boolean tied,
    ActivationSetting activation,
    int window,
    RopeSettings rope,
    int padding,
    double dropout) {

  /** Checks the shape; all problems in one exception. */
  public Phi3Config {
    new SettingChecks()
        .positive("vocab_size", vocabulary)
        .positive("hidden_size", hidden)
        .positive("intermediate_size", inner)
        .layers("num_hidden_layers", layers)
        .positive("num_attention_heads", heads)
        .positive("num_key_value_heads", keyHeads)
        .divides("num_key_value_heads", keyHeads, "num_attention_heads", heads)
        .divides("num_attention_heads", heads, "hidden_size", hidden)
        .positive("rms_norm_eps", epsilon)
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
  public static Phi3Config of(Json json) {
    int hidden = json.whole("hidden_size").orElse(3072);
    int vocabulary = json.whole("vocab_size").orElse(32_064);
    int heads = json.whole("num_attention_heads").orElse(32);
    int width = heads == 0 ? 2 : Math.max(2, hidden / heads);
    SettingChecks.derivedHeadWidth(json, hidden, heads);
    try {
      return new Phi3Config(
          vocabulary,
          hidden,
          json.whole("intermediate_size").orElse(8192),
          json.whole("num_hidden_layers").orElse(32),
          heads,
          json.whole("num_key_value_heads").orElse(heads),
          json.number("rms_norm_eps").orElse(1e-5),
          json.flag("tie_word_embeddings").orElse(false),
          SettingChecks.activation(json, "hidden_act", "silu"),
          json.whole("sliding_window").orElse(0),
          rope(json, width),
          SettingChecks.padding(json.wholeUnlessNull("pad_token_id", 32_000), vocabulary),
          json.number("resid_pdrop").orElse(0));
    } catch (IllegalArgumentException e) {
      throw new LoraException(json + ": " + e.getMessage(), e);
    }
  }

  /** Of all scalings, transformers reads its own for this family, under three names. */
  private static RopeSettings rope(Json json, int width) {
    String type = RopeSettings.type(json);
    if (!List.of("default", "longrope", "su", "yarn").contains(type)) {
      throw new LoraException(
          "%s: rope type '%s' is not supported; supported: [default, longrope]"
              .formatted(json, type));
    }
    return RopeSettings.partial(json, width, RopeDefaults.upTo(4096).withTrained(4096));
  }

  int headWidth() {
    return hidden / heads;
  }
}
