package io.github.lora4j.djl.model.opt;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.ActivationSetting;
import io.github.lora4j.djl.model.SettingChecks;

/**
 * The shape of an OPT checkpoint.
 *
 * @param vocabulary rows of the embedding, V
 * @param places tokens that a sequence may have
 * @param embedded width of the embedding; a linear map leads to {@code hidden} where they differ
 * @param hidden width of a token in the blocks, D
 * @param inner width of the feed-forward layer, F
 * @param layers number of blocks
 * @param heads attention heads; D divides by it
 * @param activation of the feed-forward layer
 * @param normBefore whether norms stand before sub-layers, or, in OPT-350m, behind sums
 * @param lastNorm whether a norm stands behind the blocks
 * @param bias whether linear maps add a bias
 * @param tied whether the head is the embedding
 * @param padding index that the embedding prints, negative for none
 */
public record OptConfig(
    int vocabulary,
    int places,
    int embedded,
    int hidden,
    int inner,
    int layers,
    int heads,
    ActivationSetting activation,
    boolean normBefore,
    boolean lastNorm,
    boolean bias,
    boolean tied,
    int padding) {

  /** Checks the shape; all problems in one exception. */
  public OptConfig {
    new SettingChecks()
        .positive("vocab_size", vocabulary)
        .positive("max_position_embeddings", places)
        .positive("word_embed_proj_dim", embedded)
        .positive("hidden_size", hidden)
        .positive("ffn_dim", inner)
        .layers("num_hidden_layers", layers)
        .positive("num_attention_heads", heads)
        .divides("num_attention_heads", heads, "hidden_size", hidden)
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
  public static OptConfig of(Json json) {
    SettingChecks.only(json, "layer_norm_elementwise_affine", true);
    boolean before = json.flag("do_layer_norm_before").orElse(true);
    int hidden = json.whole("hidden_size").orElse(768);
    int vocabulary = json.whole("vocab_size").orElse(50_272);
    try {
      return new OptConfig(
          vocabulary,
          json.whole("max_position_embeddings").orElse(2048),
          json.whole("word_embed_proj_dim").orElse(hidden),
          hidden,
          json.whole("ffn_dim").orElse(3072),
          json.whole("num_hidden_layers").orElse(12),
          json.whole("num_attention_heads").orElse(12),
          SettingChecks.activation(json, "activation_function", "relu"),
          before,
          before && !json.flag("_remove_final_layer_norm").orElse(false),
          json.flag("enable_bias").orElse(true),
          json.flag("tie_word_embeddings").orElse(true),
          SettingChecks.padding(json.wholeUnlessNull("pad_token_id", 1), vocabulary));
    } catch (IllegalArgumentException e) {
      throw new LoraException(json + ": " + e.getMessage(), e);
    }
  }

  boolean projects() {
    return embedded != hidden;
  }
}
