package io.github.lora4j.djl.model.llama;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.ActivationSetting;
import io.github.lora4j.djl.model.RopeDefaults;
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
    ActivationSetting activation,
    List<Integer> windows,
    RopeSettings rope,
    int padding) {

  /** Models that are built like Llama. */
  public enum Family {
    /** Llama 1 to 3.3, TinyLlama, SmolLM. */
    LLAMA("Llama", 32_000, 11_008, 0, 0, 2048),
    /** Mistral. */
    MISTRAL("Mistral", 32_000, 14_336, 8, 0, 131_072),
    /** Qwen2 and Qwen2.5. */
    QWEN2("Qwen2", 151_936, 22_016, 32, 0, 32_768),
    /** Qwen3. */
    QWEN3("Qwen3", 151_936, 22_016, 32, 128, 32_768);

    private final String prefix;
    private final int vocabulary;
    private final int inner;
    private final int keyHeads;
    private final int headWidth;
    private final int longest;

    /**
     * A family and what transformers' class of its configurations fills in; 0 for what follows from
     * other settings.
     */
    Family(String prefix, int vocabulary, int inner, int keyHeads, int headWidth, int longest) {
      this.prefix = prefix;
      this.vocabulary = vocabulary;
      this.inner = inner;
      this.keyHeads = keyHeads;
      this.headWidth = headWidth;
      this.longest = longest;
    }

    /** How class names begin. */
    String prefix() {
      return prefix;
    }

    /** Whether the maps to queries, keys and values add a bias, given {@code attention_bias}. */
    boolean biasesInputs(boolean asked) {
      return this == QWEN2 || biasesOutput(asked);
    }

    /** Whether the map behind attention does; Mistral and Qwen2 have no such setting. */
    boolean biasesOutput(boolean asked) {
      return asked && (this == LLAMA || this == QWEN3);
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
    int vocabulary = json.whole("vocab_size").orElse(family.vocabulary);
    int hidden = json.whole("hidden_size").orElse(4096);
    int heads = json.whole("num_attention_heads").orElse(32);
    int layers = json.whole("num_hidden_layers").orElse(32);
    int split = heads == 0 ? 0 : hidden / heads;
    int width = json.whole("head_dim").orElse(family.headWidth == 0 ? split : family.headWidth);
    boolean bias = json.flag("attention_bias").orElse(false);
    SettingChecks.only(json, "use_mrope", false);
    try {
      SettingChecks.limit("num_hidden_layers", layers);
      return new LlamaConfig(
          family,
          vocabulary,
          hidden,
          json.whole("intermediate_size").orElse(family.inner),
          heads,
          keyHeads(json, family, heads),
          width,
          json.number("rms_norm_eps").orElse(1e-6),
          json.flag("tie_word_embeddings").orElse(false),
          family.biasesInputs(bias),
          family.biasesOutput(bias),
          family == Family.LLAMA && json.flag("mlp_bias").orElse(false),
          SettingChecks.activation(json, "hidden_act", "silu"),
          windows(json, family, layers),
          RopeSettings.of(json, Math.max(2, width), RopeDefaults.upTo(family.longest)),
          SettingChecks.padding(json.whole("pad_token_id"), vocabulary));
    } catch (IllegalArgumentException e) {
      throw new LoraException(json + ": " + e.getMessage(), e);
    }
  }

  private static int keyHeads(Json json, Family family, int heads) {
    int missing = family.keyHeads == 0 ? heads : family.keyHeads;
    return json.wholeUnlessNull("num_key_value_heads", missing).orElse(heads);
  }

  private static List<Integer> windows(Json json, Family family, int layers) {
    boolean used =
        switch (family) {
          case LLAMA -> false;
          case MISTRAL -> true;
          case QWEN2, QWEN3 -> json.flag("use_sliding_window").orElse(false);
        };
    int window = used ? json.wholeUnlessNull("sliding_window", 4096).orElse(0) : 0;
    int first = family == Family.MISTRAL ? 0 : json.whole("max_window_layers").orElse(28);
    List<Integer> windows = SettingChecks.windows(json, layers, window, layer -> layer >= first);
    if (family == Family.MISTRAL && windows.stream().anyMatch(each -> each != window)) {
      throw new LoraException(
          json + ": layer_types lists full_attention; mistral has its sliding_window everywhere");
    }
    return windows;
  }

  int layers() {
    return windows.size();
  }
}
