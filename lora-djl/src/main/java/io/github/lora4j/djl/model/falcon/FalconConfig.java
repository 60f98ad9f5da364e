package io.github.lora4j.djl.model.falcon;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.ActivationSetting;
import io.github.lora4j.djl.model.RopeDefaults;
import io.github.lora4j.djl.model.RopeSettings;
import io.github.lora4j.djl.model.SettingChecks;

/**
 * The shape of a Falcon checkpoint.
 *
 * @param vocabulary rows of the embedding, V
 * @param hidden width of a token, D
 * @param inner width of the feed-forward layer, F
 * @param layers number of blocks
 * @param heads query heads; D divides by it
 * @param keyHeads heads of keys and values; divides the query heads
 * @param epsilon of every norm
 * @param activation of the feed-forward layer
 * @param norms where the norms of a block stand
 * @param bias whether linear maps add a bias
 * @param alibi whether scores are biased by distance, in the place of rotary positions
 * @param tied whether the head is the embedding
 * @param rope angles by position
 * @param dropouts what its dropout modules print: of attention
 */
public record FalconConfig(
    int vocabulary,
    int hidden,
    int inner,
    int layers,
    int heads,
    int keyHeads,
    double epsilon,
    ActivationSetting activation,
    Norms norms,
    boolean bias,
    boolean alibi,
    boolean tied,
    RopeSettings rope,
    double dropouts) {

  /** Where the norms of a block stand. */
  public enum Norms {
    /** One before attention, one before the feed-forward layer, which reads the sum: Falcon-RW. */
    SEQUENTIAL,
    /** One before both, which read the same: Falcon-7B. */
    SHARED,
    /** One before each, which read the same: Falcon-40B and 180B. */
    TWO
  }

  /** Checks the shape; all problems in one exception. */
  public FalconConfig {
    new SettingChecks()
        .positive("vocab_size", vocabulary)
        .positive("hidden_size", hidden)
        .positive("ffn_hidden_size", inner)
        .layers("num_hidden_layers", layers)
        .positive("num_attention_heads", heads)
        .positive("num_kv_heads", keyHeads)
        .divides("num_attention_heads", heads, "hidden_size", hidden)
        .divides("num_kv_heads", keyHeads, "num_attention_heads", heads)
        .positive("layer_norm_epsilon", epsilon)
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
  public static FalconConfig of(Json json) {
    boolean newer = json.flag("new_decoder_architecture").orElse(false);
    boolean oneKey = json.flag("multi_query").orElse(true);
    int hidden = json.whole("n_embed", "hidden_size").orElse(4544);
    int heads = json.whole("num_attention_heads", "n_head").orElse(71);
    SettingChecks.derivedHeadWidth(json, hidden, heads);
    int keys = newer ? json.whole("num_kv_heads").orElse(heads) : oneKey ? 1 : heads;
    try {
      return new FalconConfig(
          json.whole("vocab_size").orElse(65024),
          hidden,
          json.whole("ffn_hidden_size").orElse(4 * hidden),
          json.whole("num_hidden_layers", "n_layer").orElse(32),
          heads,
          keys,
          json.number("layer_norm_epsilon").orElse(1e-5),
          SettingChecks.activation(json, "activation", "gelu"),
          norms(json, newer),
          json.flag("bias").orElse(false),
          json.flag("alibi").orElse(false),
          json.flag("tie_word_embeddings").orElse(true),
          RopeSettings.of(
              json, heads == 0 ? 2 : Math.max(2, hidden / heads), RopeDefaults.upTo(2048)),
          json.number("attention_dropout").orElse(0));
    } catch (IllegalArgumentException e) {
      throw new LoraException(json + ": " + e.getMessage(), e);
    }
  }

  private static Norms norms(Json json, boolean newer) {
    boolean parallel = json.flag("parallel_attn").orElse(true);
    int count = json.whole("num_ln_in_parallel_attn").orElse(newer ? 2 : 1);
    if (newer && !parallel) {
      throw new LoraException(
          json + ": parallel_attn is false with new_decoder_architecture; only true is supported");
    }
    if (count != 1 && !(newer && count == 2)) {
      throw new LoraException(
          "%s: num_ln_in_parallel_attn is %d; supported: 1%s"
              .formatted(json, count, newer ? ", 2" : " without new_decoder_architecture"));
    }
    return count == 2 ? Norms.TWO : parallel ? Norms.SHARED : Norms.SEQUENTIAL;
  }

  int headWidth() {
    return hidden / heads;
  }
}
