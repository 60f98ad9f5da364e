package io.github.lora4j.djl.model.gptneox;

import io.github.lora4j.djl.layer.GroupedAttention;
import io.github.lora4j.djl.layer.Mlp;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.QueryKeyValue;
import io.github.lora4j.djl.layer.Rotary;
import io.github.lora4j.djl.layer.SelfAttention;
import io.github.lora4j.djl.model.Block;
import io.github.lora4j.djl.model.ModelFamily;
import io.github.lora4j.djl.model.ParallelBlock;
import io.github.lora4j.djl.model.Parts;
import io.github.lora4j.djl.model.ResidualBlock;
import io.github.lora4j.djl.model.Stack;
import io.github.lora4j.djl.model.TokenEntry;
import io.github.lora4j.spi.ModuleTree;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * GPT-NeoX and Pythia: blocks whose attention and feed-forward layer read the same, rotary
 * positions on a part of each head.
 *
 * @param config the shape
 * @see <a href="https://arxiv.org/abs/2204.06745">Black et al. 2022, section 2</a>
 */
public record GptNeoxModel(GptNeoxConfig config) implements ModelFamily {

  private static final String PREFIX = "gpt_neox.";
  private static final String TABLE = PREFIX + "embed_in";
  private static final String HEAD = "lm_head";

  @Override
  public ModuleTree tree(String name) {
    return GptNeoxTree.of(config, name);
  }

  @Override
  public Stack assemble(Parts parts) {
    Rotary rotary = new Rotary(config.rope().frequencies(), false);
    List<Block> blocks = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      blocks.add(block(layer, rotary, parts));
    }
    return new Stack(
        new TokenEntry(parts.embedding(TABLE), 1),
        blocks,
        parts.head(norm(PREFIX + "final_layer_norm", parts), HEAD, TABLE, config.tied()),
        new Stack.CacheForm(config.layers(), 0, config.heads(), config.headWidth()));
  }

  private Block block(int layer, Rotary rotary, Parts parts) {
    String path = PREFIX + "layers." + layer + ".";
    GroupedAttention.Form form =
        new GroupedAttention.Form(config.heads(), 1, 1 / Math.sqrt(config.headWidth()), 0, 0);
    SelfAttention attention =
        new SelfAttention(
            new QueryKeyValue.ByGroup(
                parts.projection(path + "attention.query_key_value"), config.heads(), 1),
            null,
            null,
            new GroupedAttention(layer, form, rotary, null, parts.fusedGroupedAttention()),
            parts.projection(path + "attention.dense"));
    Mlp mlp =
        new Mlp(
            parts.projection(path + "mlp.dense_h_to_4h"),
            parts.projection(path + "mlp.dense_4h_to_h"),
            config.activation().function());
    Norm first = norm(path + "input_layernorm", parts);
    Norm second = norm(path + "post_attention_layernorm", parts);
    return config.parallel()
        ? new ParallelBlock(path, first, attention, second, mlp)
        : new ResidualBlock(path, first, attention, null, second, mlp, null);
  }

  private Norm norm(String path, Parts parts) {
    return parts.layerNorm(path, config.epsilon());
  }

  @Override
  public String prefix() {
    return PREFIX;
  }

  @Override
  public Map<String, String> tied() {
    return config.tied()
        ? Map.of(HEAD + ".weight", TABLE + ".weight", "embed_out.weight", TABLE + ".weight")
        : Map.of();
  }

  @Override
  public Map<String, String> aliases() {
    return Map.of(HEAD + ".weight", "embed_out.weight");
  }

  @Override
  public Set<String> buffers() {
    return Set.of(".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq");
  }

  @Override
  public String shape() {
    return "gpt_neox, %d layers of width %d".formatted(config.layers(), config.hidden());
  }
}
