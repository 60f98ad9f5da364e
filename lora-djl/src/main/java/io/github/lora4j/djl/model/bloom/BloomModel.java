package io.github.lora4j.djl.model.bloom;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.layer.Activation;
import io.github.lora4j.djl.layer.AlibiAttention;
import io.github.lora4j.djl.layer.Mlp;
import io.github.lora4j.djl.model.ModelFamily;
import io.github.lora4j.djl.model.Parts;
import io.github.lora4j.djl.model.Stack;
import io.github.lora4j.spi.ModuleTree;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * BLOOM: an embedding and its norm, blocks of attention with ALiBi and a feed-forward layer, a last
 * norm, and a head tied to the embedding.
 *
 * @param config its shape
 * @see <a href="https://arxiv.org/abs/2211.05100">Le Scao et al. 2022, section 3.2</a>
 */
public record BloomModel(BloomConfig config) implements ModelFamily {

  private static final String PREFIX = "transformer.";
  private static final String TABLE = PREFIX + "word_embeddings";

  @Override
  public ModuleTree tree(String name) {
    return BloomTree.of(config, name);
  }

  @Override
  public Stack assemble(Parts parts) {
    NDArray slopes = AlibiAttention.slopes(parts.manager(), config.heads()); // (H)
    List<BloomBlock> blocks = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      blocks.add(block(layer, slopes, parts));
    }
    double epsilon = config.epsilon();
    return new Stack(
        new BloomEmbedding(parts.embedding(TABLE), parts.layerNorm(TABLE + "_layernorm", epsilon)),
        blocks,
        parts.head(parts.layerNorm(PREFIX + "ln_f", epsilon), BloomTree.HEAD, TABLE, config.tied()),
        new Stack.CacheForm(config.layers(), 0, config.heads(), config.headWidth()));
  }

  private BloomBlock block(int layer, NDArray slopes, Parts parts) {
    String path = PREFIX + "h." + layer + ".";
    return new BloomBlock(
        path,
        parts.layerNorm(path + "input_layernorm", config.epsilon()),
        parts.projection(path + "self_attention.query_key_value"),
        new AlibiAttention(layer, slopes, parts.fusedAttention()),
        parts.projection(path + "self_attention.dense"),
        parts.layerNorm(path + "post_attention_layernorm", config.epsilon()),
        new Mlp(
            parts.projection(path + "mlp.dense_h_to_4h"),
            parts.projection(path + "mlp.dense_4h_to_h"),
            Activation.GELU_TANH));
  }

  @Override
  public String prefix() {
    return PREFIX;
  }

  @Override
  public Map<String, String> tied() {
    return config.tied() ? Map.of(BloomTree.HEAD + ".weight", TABLE + ".weight") : Map.of();
  }

  @Override
  public String shape() {
    return "bloom, %d layers of width %d".formatted(config.layers(), config.hidden());
  }
}
