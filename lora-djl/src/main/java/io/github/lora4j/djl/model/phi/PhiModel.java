package io.github.lora4j.djl.model.phi;

import io.github.lora4j.djl.layer.GroupedAttention;
import io.github.lora4j.djl.layer.LossHead;
import io.github.lora4j.djl.layer.Mlp;
import io.github.lora4j.djl.layer.Rotary;
import io.github.lora4j.djl.layer.SelfAttention;
import io.github.lora4j.djl.model.ModelFamily;
import io.github.lora4j.djl.model.ParallelBlock;
import io.github.lora4j.djl.model.Parts;
import io.github.lora4j.djl.model.Stack;
import io.github.lora4j.djl.model.TokenEntry;
import io.github.lora4j.spi.ModuleTree;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Phi-1, Phi-1.5 and Phi-2: attention and feed-forward layer behind one norm, rotary positions on a
 * part of each head, biases everywhere, also on the logits.
 *
 * @param config the shape
 * @see <a href="https://arxiv.org/abs/2309.05463">Li et al. 2023, section 2.1</a>
 */
public record PhiModel(PhiConfig config) implements ModelFamily {

  @Override
  public ModuleTree tree(String name) {
    return PhiTree.of(config, name);
  }

  @Override
  public Stack assemble(Parts parts) {
    Rotary rotary = new Rotary(config.rope().frequencies(), false);
    List<ParallelBlock> blocks = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      blocks.add(block(layer, rotary, parts));
    }
    return new Stack(
        new TokenEntry(parts.embedding(PhiTree.TABLE), 1),
        blocks,
        head(parts),
        new Stack.CacheForm(config.layers(), 0, config.keyHeads(), config.headWidth()));
  }

  private LossHead head(Parts parts) {
    return parts
        .head(
            parts.layerNorm("model.final_layernorm", config.epsilon()),
            PhiTree.HEAD,
            PhiTree.TABLE,
            config.tied())
        .biased(parts.bias(PhiTree.HEAD));
  }

  private ParallelBlock block(int layer, Rotary rotary, Parts parts) {
    String path = "model.layers." + layer + ".";
    return new ParallelBlock(
        path,
        parts.layerNorm(path + "input_layernorm", config.epsilon()),
        attention(layer, path + "self_attn.", rotary, parts),
        null,
        new Mlp(
            parts.projection(path + "mlp.fc1"),
            parts.projection(path + "mlp.fc2"),
            config.activation().function()));
  }

  private SelfAttention attention(int layer, String path, Rotary rotary, Parts parts) {
    GroupedAttention.Form form =
        new GroupedAttention.Form(
            config.keyHeads(),
            config.heads() / config.keyHeads(),
            1 / Math.sqrt(config.headWidth()),
            0,
            0);
    return new SelfAttention(
        parts.separate(path),
        null,
        null,
        new GroupedAttention(layer, form, rotary, null, parts.fusedAttention()),
        parts.projection(path + "dense"));
  }

  @Override
  public String prefix() {
    return "model.";
  }

  @Override
  public Map<String, String> tied() {
    return config.tied() ? Map.of(PhiTree.HEAD + ".weight", PhiTree.TABLE + ".weight") : Map.of();
  }

  @Override
  public Set<String> buffers() {
    return Set.of(".rotary_emb.inv_freq");
  }

  @Override
  public String shape() {
    return "phi, %d layers of width %d".formatted(config.layers(), config.hidden());
  }
}
