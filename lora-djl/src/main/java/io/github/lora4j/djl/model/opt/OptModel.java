package io.github.lora4j.djl.model.opt;

import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.layer.GroupedAttention;
import io.github.lora4j.djl.layer.Mlp;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.PositionTable;
import io.github.lora4j.djl.layer.SelfAttention;
import io.github.lora4j.djl.model.Block;
import io.github.lora4j.djl.model.ModelFamily;
import io.github.lora4j.djl.model.Parts;
import io.github.lora4j.djl.model.PositionEntry;
import io.github.lora4j.djl.model.PostNormBlock;
import io.github.lora4j.djl.model.ProjectionBlock;
import io.github.lora4j.djl.model.ResidualBlock;
import io.github.lora4j.djl.model.Stack;
import io.github.lora4j.spi.ModuleTree;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * OPT: embeddings of tokens and of positions, blocks of GPT-3's form; OPT-350m normalises behind
 * sums, and its embedding is narrower than its blocks.
 *
 * @param config the shape
 * @see <a href="https://arxiv.org/abs/2205.01068">Zhang et al. 2022, section 2.1</a>
 */
public record OptModel(OptConfig config) implements ModelFamily {

  private static final double EPSILON = 1e-5;
  private static final String PREFIX = "model.decoder.";
  private static final String TABLE = PREFIX + "embed_tokens";
  private static final String HEAD = "lm_head";

  @Override
  public ModuleTree tree(String name) {
    return OptTree.of(config, name);
  }

  @Override
  public Stack assemble(Parts parts) {
    List<Block> blocks = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      blocks.add(block(layer, parts));
    }
    Norm last = config.lastNorm() ? norm(PREFIX + "final_layer_norm", parts) : null;
    if (config.projects()) {
      String path = PREFIX + "project_out";
      blocks.add(new ProjectionBlock(path + ".", last, parts.projection(path)));
    }
    @Nullable Norm headNorm = config.projects() ? null : last;
    ScalarType type = parts.arithmetic().compute();
    return new Stack(
        new PositionEntry(
            parts.embedding(TABLE),
            config.projects() ? parts.projection(PREFIX + "project_in") : null,
            new PositionTable(
                parts.matrix(PREFIX + "embed_positions"), config.places(), OptTree.OFFSET, type)),
        blocks,
        parts.head(headNorm, HEAD, TABLE, config.tied()),
        new Stack.CacheForm(config.layers(), 0, config.heads(), config.hidden() / config.heads()));
  }

  private Block block(int layer, Parts parts) {
    String path = PREFIX + "layers." + layer + ".";
    double scale = 1 / Math.sqrt((double) config.hidden() / config.heads());
    GroupedAttention.Form form = new GroupedAttention.Form(config.heads(), 1, scale, 0, 0);
    SelfAttention attention =
        new SelfAttention(
            parts.separate(path + "self_attn."),
            null,
            null,
            new GroupedAttention(layer, form, null, null, parts.fusedGroupedAttention()),
            parts.projection(path + "self_attn.out_proj"));
    Mlp mlp =
        new Mlp(
            parts.projection(path + "fc1"),
            parts.projection(path + "fc2"),
            config.activation().function());
    Norm first = norm(path + "self_attn_layer_norm", parts);
    Norm second = norm(path + "final_layer_norm", parts);
    return config.normBefore()
        ? new ResidualBlock(path, first, attention, null, second, mlp, null)
        : new PostNormBlock(path, attention, first, mlp, second);
  }

  private static Norm norm(String path, Parts parts) {
    return parts.layerNorm(path, EPSILON);
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
    return "opt, %d layers of width %d".formatted(config.layers(), config.hidden());
  }
}
