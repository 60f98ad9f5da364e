package io.github.lora4j.djl.model.bloom;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.model.SettingChecks;
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

  private static final int MOST_LAYERS = 10_000;

  /** Checks the shape; all problems in one exception. */
  public BloomConfig {
    List<String> problems = new ArrayList<>();
    positive("vocab_size", vocabulary, problems);
    positive("n_embed", hidden, problems);
    positive("n_layer", layers, problems);
    positive("n_head", heads, problems);
    if (layers > MOST_LAYERS) { // their names alone would fill the heap
      problems.add("n_layer must be at most %d, got %d".formatted(MOST_LAYERS, layers));
    }
    if (heads > 0 && hidden % heads != 0) {
      problems.add("n_embed %d must divide by n_head %d".formatted(hidden, heads));
    }
    if (!(epsilon > 0)) {
      problems.add("layer_norm_epsilon must be positive, got " + epsilon);
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("; ", problems));
    }
  }

  private static void positive(String name, int value, List<String> problems) {
    if (value == 0) {
      problems.add(name + " is missing or 0");
    } else if (value < 0) {
      problems.add("%s must be positive, got %d".formatted(name, value));
    }
  }

  /**
   * Reads a shape. Keys are those of transformers, old and new; {@code n_embed} wins over {@code
   * hidden_size}, as there.
   *
   * @param json the checkpoint's {@code config.json}
   * @return the shape
   * @throws LoraException if a number is missing or no shape of a model
   */
  public static BloomConfig of(Json json) {
    SettingChecks.only(json, "apply_residual_connection_post_layernorm", false);
    try {
      return new BloomConfig(
          json.whole("vocab_size").orElse(0),
          json.whole("n_embed", "hidden_size").orElse(0),
          json.whole("n_layer", "num_hidden_layers").orElse(0),
          json.whole("n_head", "num_attention_heads").orElse(0),
          json.number("layer_norm_epsilon").orElse(1e-5),
          json.flag("tie_word_embeddings").orElse(true));
    } catch (IllegalArgumentException e) {
      throw new LoraException(json + ": " + e.getMessage(), e);
    }
  }

  int headWidth() {
    return hidden / heads;
  }
}
