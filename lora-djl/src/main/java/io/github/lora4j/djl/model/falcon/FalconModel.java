package io.github.lora4j.djl.model.falcon;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.layer.AlibiAttention;
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
import org.jspecify.annotations.Nullable;

/**
 * Falcon: few heads of keys and values for many of queries, attention and feed-forward layer side
 * by side; Falcon-RW has ALiBi and reads one after the other.
 *
 * @param config the shape
 * @see <a href="https://arxiv.org/abs/2311.16867">Almazrouei et al. 2023, section 4.3</a>
 */
public record FalconModel(FalconConfig config) implements ModelFamily {

  private static final String PREFIX = "transformer.";
  private static final String TABLE = PREFIX + "word_embeddings";
  private static final String HEAD = "lm_head";

  @Override
  public ModuleTree tree(String name) {
    return FalconTree.of(config, name);
  }

  @Override
  public Stack assemble(Parts parts) {
    Rotary rotary = config.alibi() ? null : new Rotary(config.rope().frequencies(), false);
    NDArray[] slopes = config.alibi() ? slopes(parts) : null;
    List<Block> blocks = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      blocks.add(block(layer, rotary, slopes, parts));
    }
    return new Stack(
        new TokenEntry(parts.embedding(TABLE), 1),
        blocks,
        parts.head(norm(PREFIX + "ln_f", parts), HEAD, TABLE, config.tied()),
        new Stack.CacheForm(config.layers(), 0, config.keyHeads(), config.headWidth()));
  }

  /** In bf16, as the reference computes them, and scaled like the scores that they are added to. */
  private NDArray[] slopes(Parts parts) {
    float scale = (float) (1 / Math.sqrt(config.headWidth()));
    try (NDArray exact = AlibiAttention.slopes(parts.manager(), config.heads())) {
      NDArray rounded =
          Kernels.get().one(parts.manager(), "convert", exact, ScalarType.BF16.code());
      return new NDArray[] {rounded, parts.manager().create(new float[] {scale})};
    }
  }

  private Block block(
      int layer, @Nullable Rotary rotary, NDArray @Nullable [] slopes, Parts parts) {
    String path = PREFIX + "h." + layer + ".";
    int groups = config.heads() / config.keyHeads();
    double scale = 1 / Math.sqrt(config.headWidth());
    GroupedAttention.Form form = new GroupedAttention.Form(config.keyHeads(), groups, scale, 0, 0);
    SelfAttention attention =
        new SelfAttention(
            new QueryKeyValue.ByGroup(
                parts.projection(path + "self_attention.query_key_value"),
                config.keyHeads(),
                groups),
            null,
            null,
            new GroupedAttention(layer, form, rotary, slopes, parts.fusedGroupedAttention()),
            parts.projection(path + "self_attention.dense"));
    Mlp mlp =
        new Mlp(
            parts.projection(path + "mlp.dense_h_to_4h"),
            parts.projection(path + "mlp.dense_4h_to_h"),
            config.activation().function());
    return switch (config.norms()) {
      case TWO ->
          new ParallelBlock(
              path, norm(path + "ln_attn", parts), attention, norm(path + "ln_mlp", parts), mlp);
      case SHARED ->
          new ParallelBlock(path, norm(path + "input_layernorm", parts), attention, null, mlp);
      case SEQUENTIAL ->
          new ResidualBlock(
              path,
              norm(path + "input_layernorm", parts),
              attention,
              null,
              norm(path + "post_attention_layernorm", parts),
              mlp,
              null);
    };
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
    return config.tied() ? Map.of(HEAD + ".weight", TABLE + ".weight") : Map.of();
  }

  @Override
  public String shape() {
    return "falcon, %d layers of width %d".formatted(config.layers(), config.hidden());
  }
}
