package io.github.lora4j.djl.model.llama;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.layer.Activation;
import io.github.lora4j.djl.model.RopeSettings;
import io.github.lora4j.djl.model.SettingChecks;
import java.util.List;

/**
 * The shape of a Llama checkpoint, or of a model that differs from Llama in a few settings: Mistral
 * by its window, Qwen2 by the biases of its attention, Qwen3 by norms of its query and key heads.
 *
 * @param family which of them
 * @param vocabulary rows of the embedding, V
 * @param hidden width of a token, D
 * @param inner width of the feed-forward layer, F
 * @param heads query heads
 * @param keyHeads heads of keys and values; divides the query heads
 * @param headWidth numbers of a head, d
 * @param epsilon of every norm
 * @param tied whether the head is the embedding
 * @param inputBias whether the maps to queries, keys and values add a bias
 * @param outputBias whether the map behind attention adds a bias
 * @param mlpBias whether the feed-forward maps add a bias
 * @param activation of the gate
 * @param windows for every layer, tokens that one sees; 0 for all before it
 * @param rope angles by position
 * @param padding index that the embedding prints, negative for none
 */
public record LlamaConfig(
    Family family,
    int vocabulary,
    int hidden,
    int inner,
    int heads,
    int keyHeads,
    int headWidth,
    double epsilon,
    boolean tied,
    boolean inputBias,
    boolean outputBias,
    boolean mlpBias,
    Activation activation,
    List<Integer> windows,
    RopeSettings rope,
    int padding) {

  /** Models that are built like Llama. */
  public enum Family {
    /** Llama 1 to 3.3, TinyLlama, SmolLM. */
    LLAMA("Llama"),
    /** Mistral. */
    MISTRAL("Mistral"),
    /** Qwen2 and Qwen2.5. */
    QWEN2("Qwen2"),
    /** Qwen3. */
    QWEN3("Qwen3");

    private final String prefix;

    Family(String prefix) {
      this.prefix = prefix;
    }

    /** How class names begin. */
    String prefix() {
      return prefix;
    }

    /** Whether a setting adds biases to the maps of attention. */
    boolean mayAddBias() {
      return this == LLAMA || this == QWEN3;
    }

    /** Whether query and key heads are normalised. */
    boolean normsHeads() {
      return this == QWEN3;
    }
  }

  /** Checks the shape; all problems in one exception. */
  public LlamaConfig {
    windows = List.copyOf(windows);
    new SettingChecks()
        .positive("vocab_size", vocabulary)
        .positive("hidden_size", hidden)
        .positive("intermediate_size", inner)
        .positive("num_attention_heads", heads)
        .positive("num_key_value_heads", keyHeads)
        .positive("head_dim", headWidth)
        .layers("num_hidden_layers", windows.size())
        .divides("num_key_value_heads", keyHeads, "num_attention_heads", heads)
        .positive("rms_norm_eps", epsilon)
        .throwIfAny();
  }

  /**
   * Reads a shape.
   *
   * @param json the checkpoint's {@code config.json}
   * @param family which model it is
   * @return the shape
   * @throws LoraException if a number is missing or no shape of a model, or a setting is not
   *     supported
   */
  public static LlamaConfig of(Json json, Family family) {
    int hidden = json.whole("hidden_size").orElse(0);
    int heads = json.whole("num_attention_heads").orElse(0);
    int layers = json.whole("num_hidden_layers").orElse(0);
    int width = headWidth(json, family, hidden, heads);
    boolean bias = family.mayAddBias() && json.flag("attention_bias").orElse(false);
    SettingChecks.only(json, "use_mrope", false);
    try {
      SettingChecks.limit("num_hidden_layers", layers);
      return new LlamaConfig(
          family,
          json.whole("vocab_size").orElse(0),
          hidden,
          json.whole("intermediate_size").orElse(0),
          heads,
          json.whole("num_key_value_heads").orElse(heads),
          width,
          json.number("rms_norm_eps").orElse(1e-6),
          json.flag("tie_word_embeddings").orElse(false),
          bias || family == Family.QWEN2,
          bias,
          family == Family.LLAMA && json.flag("mlp_bias").orElse(false),
          SettingChecks.activation(json, "hidden_act", "silu"),
          windows(json, family, layers),
          RopeSettings.of(json, Math.max(2, width), 10000),
          json.whole("pad_token_id").orElse(-1));
    } catch (IllegalArgumentException e) {
      throw new LoraException(json + ": " + e.getMessage(), e);
    }
  }

  private static List<Integer> windows(Json json, Family family, int layers) {
    int window = (int) json.number("sliding_window", 4096).orElse(0);
    boolean used =
        switch (family) {
          case LLAMA -> false;
          case MISTRAL -> window > 0;
          case QWEN2, QWEN3 -> window > 0 && json.flag("use_sliding_window").orElse(false);
        };
    int first = family == Family.MISTRAL ? 0 : json.whole("max_window_layers").orElse(28);
    int seen = used ? window : 0;
    List<Integer> windows = SettingChecks.windows(json, layers, seen, layer -> layer >= first);
    if (family == Family.MISTRAL && windows.stream().anyMatch(each -> each != seen)) {
      throw new LoraException(
          json + ": layer_types lists full_attention; mistral has its sliding_window everywhere");
    }
    return windows;
  }

  private static int headWidth(Json json, Family family, int hidden, int heads) {
    int usual = family == Family.QWEN3 ? 128 : heads == 0 ? 0 : hidden / heads;
    return json.whole("head_dim").orElse(usual);
  }

  int layers() {
    return windows.size();
  }
}
