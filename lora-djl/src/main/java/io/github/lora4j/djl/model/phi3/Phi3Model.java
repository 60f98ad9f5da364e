package io.github.lora4j.djl.model.phi3;

import io.github.lora4j.djl.layer.FusedGateMlp;
import io.github.lora4j.djl.layer.GroupedAttention;
import io.github.lora4j.djl.layer.QueryKeyValue;
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
import java.util.Map;

/**
 * Phi-3: Llama's block with its maps fused, one to queries, keys and values, one to gate and up.
 *
 * @param config the shape
 * @see <a href="https://arxiv.org/abs/2404.14219">Abdin et al. 2024, section 2</a>
 */
public record Phi3Model(Phi3Config config) implements ModelFamily {

  private static final String TABLE = "model.embed_tokens";
  private static final String HEAD = "lm_head";

  @Override
  public ModuleTree tree(String name) {
    return Phi3Tree.of(config, name);
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
        parts.head(norm("model.norm", parts), HEAD, TABLE, config.tied()),
        new Stack.CacheForm(
            config.layers(), config.window(), config.keyHeads(), config.headWidth()));
  }

  private ResidualBlock block(int layer, Rotary rotary, Parts parts) {
    String path = "model.layers." + layer + ".";
    int width = config.headWidth();
    GroupedAttention.Form form =
        new GroupedAttention.Form(
            config.keyHeads(),
            config.heads() / config.keyHeads(),
            1 / Math.sqrt(width),
            config.window(),
            0);
    SelfAttention attention =
        new SelfAttention(
            new QueryKeyValue.ByKind(
                parts.projection(path + "self_attn.qkv_proj"),
                config.heads() * width,
                config.keyHeads() * width),
            null,
            null,
            new GroupedAttention(layer, form, rotary, null, parts.fusedGroupedAttention()),
            parts.projection(path + "self_attn.o_proj"));
    return new ResidualBlock(
        path,
        norm(path + "input_layernorm", parts),
        attention,
        null,
        norm(path + "post_attention_layernorm", parts),
        new FusedGateMlp(
            parts.projection(path + "mlp.gate_up_proj"),
            parts.projection(path + "mlp.down_proj"),
            config.activation().function()),
        null);
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
    return config.tied() ? Map.of(HEAD + ".weight", TABLE + ".weight") : Map.of();
  }

  @Override
  public String shape() {
    return "phi3, %d layers of width %d".formatted(config.layers(), config.hidden());
  }
}
