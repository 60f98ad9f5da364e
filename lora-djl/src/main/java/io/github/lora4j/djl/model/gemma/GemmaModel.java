package io.github.lora4j.djl.model.gemma;

import io.github.lora4j.djl.internal.ScalarType;
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
import io.github.lora4j.io.HalfFloats;
import io.github.lora4j.spi.ModuleTree;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Gemma 2 and 3: embeddings times √D, norms before and behind attention and feed-forward layer,
 * layers with a window between those without. Gemma 2 caps scores and logits, Gemma 3 normalises
 * query and key heads instead.
 *
 * @param config the shape
 * @see <a href="https://arxiv.org/abs/2408.00118">Gemma Team 2024, section 2</a>
 * @see <a href="https://arxiv.org/abs/2503.19786">Gemma Team 2025, section 2</a>
 */
public record GemmaModel(GemmaConfig config) implements ModelFamily {

  private static final String TABLE = "model.embed_tokens";
  private static final String HEAD = "lm_head";

  @Override
  public ModuleTree tree(String name) {
    return GemmaTree.of(config, name);
  }

  @Override
  public Stack assemble(Parts parts) {
    Rotary global = new Rotary(config.global().frequencies(), false);
    Rotary local = new Rotary(config.local().frequencies(), false);
    List<ResidualBlock> blocks = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      boolean slides = config.windows().get(layer) > 0;
      blocks.add(block(layer, slides ? local : global, parts));
    }
    ScalarType type = parts.arithmetic().compute();
    return new Stack(
        new TokenEntry(parts.embedding(TABLE), scale(type)),
        blocks,
        parts.head(norm("model.norm", parts), HEAD, TABLE, config.tied()).capped(config.logitCap()),
        new Stack.CacheForm(config.windows(), config.keyHeads(), config.headWidth()));
  }

  /** The reference holds it in the type of the model, and was trained so. */
  private double scale(ScalarType type) {
    float root = (float) Math.sqrt(config.hidden());
    return switch (type) {
      case BF16 -> HalfFloats.fromBF16(HalfFloats.toBF16(root));
      case FP16 -> HalfFloats.fromF16(HalfFloats.toF16(root));
      default -> root;
    };
  }

  private ResidualBlock block(int layer, Rotary rotary, Parts parts) {
    String path = "model.layers." + layer + ".";
    return new ResidualBlock(
        path,
        norm(path + "input_layernorm", parts),
        attention(layer, path + "self_attn.", rotary, parts),
        norm(path + "post_attention_layernorm", parts),
        norm(path + "pre_feedforward_layernorm", parts),
        new GatedMlp(
            parts.projection(path + "mlp.gate_proj"),
            parts.projection(path + "mlp.up_proj"),
            parts.projection(path + "mlp.down_proj"),
            config.activation().function()),
        norm(path + "post_feedforward_layernorm", parts));
  }

  private SelfAttention attention(int layer, String path, Rotary rotary, Parts parts) {
    GroupedAttention.Form form =
        new GroupedAttention.Form(
            config.keyHeads(),
            config.heads() / config.keyHeads(),
            1 / Math.sqrt(config.scalar()),
            config.windows().get(layer),
            config.scoreCap());
    return new SelfAttention(
        parts.separate(path),
        config.third() ? norm(path + "q_norm", parts) : null,
        config.third() ? norm(path + "k_norm", parts) : null,
        new GroupedAttention(layer, form, rotary, null, parts.fusedGroupedAttention()),
        parts.projection(path + "o_proj"));
  }

  private RmsNorm norm(String path, Parts parts) {
    return parts.rmsNorm(path, 1, config.epsilon());
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
    return "%s, %d layers of width %d"
        .formatted(config.third() ? "gemma3_text" : "gemma2", config.layers(), config.hidden());
  }
}
