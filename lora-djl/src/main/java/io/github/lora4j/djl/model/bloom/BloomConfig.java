package io.github.lora4j.djl.model.bloom;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.lora4j.LoraException;
import java.util.ArrayList;
import java.util.List;

/**
 * The shape of a BLOOM checkpoint, from its {@code config.json}.
 *
 * @param vocabulary rows of the embedding, V
 * @param hidden width of a token, D
 * @param layers number of blocks
 * @param heads attention heads, H; D divides by it
 * @param epsilon of every layer norm
 * @param tied whether the head is the embedding
 */
public record BloomConfig(
    int vocabulary, int hidden, int layers, int heads, double epsilon, boolean tied) {

  /** Checks the shape; all problems in one exception. */
  public BloomConfig {
    List<String> problems = new ArrayList<>();
    positive("vocab_size", vocabulary, problems);
    positive("hidden_size", hidden, problems);
    positive("n_layer", layers, problems);
    positive("n_head", heads, problems);
    if (heads > 0 && hidden % heads != 0) {
      problems.add("hidden_size %d must divide by n_head %d".formatted(hidden, heads));
    }
    if (!problems.isEmpty()) {
      throw new LoraException("config.json of a bloom model: " + String.join("; ", problems));
    }
  }

  private static void positive(String name, int value, List<String> problems) {
    if (value <= 0) {
      problems.add("%s must be positive, got %d".formatted(name, value));
    }
  }

  static BloomConfig of(JsonObject json) {
    refuse(json, "apply_residual_connection_post_layernorm", "false");
    return new BloomConfig(
        number(json, -1, "vocab_size"),
        number(json, -1, "hidden_size", "n_embed"),
        number(json, -1, "n_layer", "num_hidden_layers"),
        number(json, -1, "n_head", "num_attention_heads"),
        json.has("layer_norm_epsilon") ? json.get("layer_norm_epsilon").getAsDouble() : 1e-5,
        !json.has("tie_word_embeddings") || json.get("tie_word_embeddings").getAsBoolean());
  }

  private static void refuse(JsonObject json, String key, String supported) {
    JsonElement value = json.get(key);
    if (value != null && !value.isJsonNull() && !value.getAsString().equals(supported)) {
      throw new LoraException(
          "config.json: %s is %s; only %s is supported".formatted(key, value, supported));
    }
  }

  private static int number(JsonObject json, int missing, String... names) {
    for (String name : names) {
      if (json.has(name) && !json.get(name).isJsonNull()) {
        return json.get(name).getAsInt();
      }
    }
    return missing;
  }

  int headWidth() {
    return hidden / heads;
  }
}
