package io.github.lora4j.djl.model.llama;

import io.github.lora4j.djl.layer.GatedMlp;
import io.github.lora4j.djl.layer.GroupedAttention;
import io.github.lora4j.djl.layer.RmsNorm;
import io.github.lora4j.djl.layer.Rotary;
import io.github.lora4j.djl.layer.SelfAttention;
import io.github.lora4j.djl.model.ModelFamily;
import io.github.lora4j.djl.model.Parts;
import io.github.lora4j.djl.model.ResidualBlock;
import io.github.lora4j.djl.model.Stack;
import io.github.lora4j.djl.model.TokenEntry;
import io.github.lora4j.spi.ModuleTree;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Llama, Mistral, Qwen2 and Qwen3: an embedding, blocks of attention with rotary positions and a
 * gated feed-forward layer, RMS norms before both, a last norm and a head.
 *
 * @param config the shape
 * @see <a href="https://arxiv.org/abs/2302.13971">Touvron et al. 2023, section 2.2</a>
 */
public record LlamaModel(LlamaConfig config) implements ModelFamily {

  private static final String TABLE = "model.embed_tokens";

  @Override
  public ModuleTree tree(String name) {
    return LlamaTree.of(config, name);
  }

  @Override
  public Stack assemble(Parts parts) {
    Rotary rotary = new Rotary(config.rope().frequencies(), false);
    List<ResidualBlock> blocks = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      blocks.add(block(layer, rotary, parts));
    }
    return new Stack(
        new TokenEntry(parts.embedding(TABLE), 1),
        blocks,
        parts.head(norm("model.norm", parts), LlamaTree.HEAD, TABLE, config.tied()),
        new Stack.CacheForm(config.windows(), config.keyHeads(), config.headWidth()));
  }

  private ResidualBlock block(int layer, Rotary rotary, Parts parts) {
    String path = "model.layers." + layer + ".";
    return new ResidualBlock(
        path,
        norm(path + "input_layernorm", parts),
        attention(layer, path + "self_attn.", rotary, parts),
        null,
        norm(path + "post_attention_layernorm", parts),
        new GatedMlp(
            parts.projection(path + "mlp.gate_proj"),
            parts.projection(path + "mlp.up_proj"),
            parts.projection(path + "mlp.down_proj"),
            config.activation().function()),
        null);
  }

  private SelfAttention attention(int layer, String path, Rotary rotary, Parts parts) {
    boolean norms = config.family().normsHeads();
    GroupedAttention.Form form =
        new GroupedAttention.Form(
            config.keyHeads(),
            config.heads() / config.keyHeads(),
            1 / Math.sqrt(config.headWidth()),
            config.windows().get(layer),
            0);
    return new SelfAttention(
        parts.separate(path),
        norms ? norm(path + "q_norm", parts) : null,
        norms ? norm(path + "k_norm", parts) : null,
        new GroupedAttention(layer, form, rotary, null, parts.fusedGroupedAttention()),
        parts.projection(path + "o_proj"));
  }

  private RmsNorm norm(String path, Parts parts) {
    return parts.rmsNorm(path, 0, config.epsilon());
  }

  @Override
  public String prefix() {
    return "model.";
  }

  @Override
  public Map<String, String> tied() {
    return config.tied() ? Map.of(LlamaTree.HEAD + ".weight", TABLE + ".weight") : Map.of();
  }

  @Override
  public Set<String> buffers() {
    return Set.of(".rotary_emb.inv_freq");
  }

  @Override
  public String shape() {
    return "%s, %d layers of width %d"
        .formatted(
            config.family().name().toLowerCase(Locale.ROOT), config.layers(), config.hidden());
  }
}
