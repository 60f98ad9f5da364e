package io.github.lora4j.djl.model.gpt2;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.ActivationSetting;
import io.github.lora4j.djl.model.SettingChecks;

/**
 * The shape of a GPT-2 checkpoint.
 *
 * @param vocabulary rows of the embedding, V
 * @param places tokens that a sequence may have
 * @param hidden width of a token, D
 * @param inner width of the feed-forward layer, F
 * @param layers number of blocks
 * @param heads attention heads; D divides by it
 * @param epsilon of every norm
 * @param activation of the feed-forward layer
 * @param scaled whether scores are divided by the root of a head's width
 * @param scaledByLayer whether they are divided by the number of the layer as well
 * @param tied whether the head is the embedding
 * @param dropout what its dropout modules print
 */
public record Gpt2Config(
    int vocabulary,
    int places,
    int hidden,
    int inner,
    int layers,
    int heads,
    double epsilon,
    ActivationSetting activation,
    boolean scaled,
    boolean scaledByLayer,
    boolean tied,
    Dropouts dropout) {

  /**
   * Probabilities of dropouts, which are never active here.
   *
   * @param embedding behind the embeddings
   * @param attention of attention weights
   * @param residual behind sub-layers
   */
  public record Dropouts(double embedding, double attention, double residual) {}

  /** Checks the shape; all problems in one exception. */
  public Gpt2Config {
    new SettingChecks()
        .positive("vocab_size", vocabulary)
        .positive("n_positions", places)
        .positive("n_embd", hidden)
        .positive("n_inner", inner)
        .layers("n_layer", layers)
        .positive("n_head", heads)
        .divides("n_head", heads, "n_embd", hidden)
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
  public static Gpt2Config of(Json json) {
    int hidden = json.whole("n_embd", "hidden_size").orElse(768);
    SettingChecks.only(json, "add_cross_attention", false);
    try {
      return new Gpt2Config(
          json.whole("vocab_size").orElse(50257),
          json.whole("n_positions", "max_position_embeddings").orElse(1024),
          hidden,
          json.whole("n_inner").orElse(4 * hidden),
          json.whole("n_layer", "num_hidden_layers").orElse(12),
          json.whole("n_head", "num_attention_heads").orElse(12),
          json.number("layer_norm_epsilon").orElse(1e-5),
          SettingChecks.activation(json, "activation_function", "gelu_new"),
          json.flag("scale_attn_weights").orElse(true),
          json.flag("scale_attn_by_inverse_layer_idx").orElse(false),
          json.flag("tie_word_embeddings").orElse(true),
          new Dropouts(
              json.number("embd_pdrop").orElse(0.1),
              json.number("attn_pdrop").orElse(0.1),
              json.number("resid_pdrop").orElse(0.1)));
    } catch (IllegalArgumentException e) {
      throw new LoraException(json + ": " + e.getMessage(), e);
    }
  }

  double scale(int layer) {
    double scale = scaled ? 1 / Math.sqrt((double) hidden / heads) : 1;
    return scaledByLayer ? scale / (layer + 1) : scale;
  }
}
