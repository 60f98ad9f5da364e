package io.github.lora4j.djl.model.gpt2;

import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.layer.GroupedAttention;
import io.github.lora4j.djl.layer.Mlp;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.PositionTable;
import io.github.lora4j.djl.layer.QueryKeyValue;
import io.github.lora4j.djl.layer.SelfAttention;
import io.github.lora4j.djl.model.ModelFamily;
import io.github.lora4j.djl.model.Parts;
import io.github.lora4j.djl.model.PositionEntry;
import io.github.lora4j.djl.model.ResidualBlock;
import io.github.lora4j.djl.model.Stack;
import io.github.lora4j.spi.ModuleTree;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * GPT-2: embeddings of tokens and of positions, pre-norm blocks, a last norm and a tied head. Its
 * linear maps store their weights as (in, out).
 *
 * @param config the shape
 * @see <a
 *     href="https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf">Radford
 *     et al. 2019, section 2.3</a>
 */
public record Gpt2Model(Gpt2Config config) implements ModelFamily {

  private static final String PREFIX = "transformer.";
  private static final String TABLE = PREFIX + "wte";
  private static final String HEAD = "lm_head";

  @Override
  public ModuleTree tree(String name) {
    return Gpt2Tree.of(config, name);
  }

  @Override
  public Stack assemble(Parts parts) {
    List<ResidualBlock> blocks = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      blocks.add(block(layer, parts));
    }
    ScalarType type = parts.arithmetic().compute();
    return new Stack(
        new PositionEntry(
            parts.embedding(TABLE),
            null,
            new PositionTable(parts.matrix(PREFIX + "wpe"), config.places(), 0, type)),
        blocks,
        parts.head(norm(PREFIX + "ln_f", parts), HEAD, TABLE, config.tied()),
        new Stack.CacheForm(config.layers(), 0, config.heads(), config.hidden() / config.heads()));
  }

  private ResidualBlock block(int layer, Parts parts) {
    String path = PREFIX + "h." + layer + ".";
    int d = config.hidden();
    GroupedAttention.Form form =
        new GroupedAttention.Form(config.heads(), 1, config.scale(layer), 0, 0);
    return new ResidualBlock(
        path,
        norm(path + "ln_1", parts),
        new SelfAttention(
            new QueryKeyValue.ByKind(parts.projection(path + "attn.c_attn"), d, d),
            null,
            null,
            new GroupedAttention(layer, form, null, null, parts.fusedGroupedAttention()),
            parts.projection(path + "attn.c_proj")),
        null,
        norm(path + "ln_2", parts),
        new Mlp(
            parts.projection(path + "mlp.c_fc"),
            parts.projection(path + "mlp.c_proj"),
            config.activation().function()),
        null);
  }

  private Norm norm(String path, Parts parts) {
    return parts.layerNorm(path, config.epsilon());
  }

  @Override
  public boolean isTransposed(String parameter) {
    return parameter.contains(".c_");
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
  public Set<String> buffers() {
    return Set.of(".attn.bias", ".attn.masked_bias");
  }

  @Override
  public String shape() {
    return "gpt2, %d layers of width %d".formatted(config.layers(), config.hidden());
  }
}
