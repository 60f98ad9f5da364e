package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import java.util.ArrayList;
import java.util.List;

/**
 * Trees of decoders whose layers are not BLOOM's: fewer heads of keys than of queries, gated
 * feed-forward layers, one norm or four.
 */
final class LayerShapes {

  private final List<TargetModule> modules = new ArrayList<>();
  private final List<ParameterInfo> parameters = new ArrayList<>();
  private final int hidden;

  private LayerShapes(int hidden) {
    this.hidden = hidden;
  }

  /** 16 layers of width 2048, 32 query heads and 8 key heads of 64, 8192 inner, 128,256 words. */
  static ModuleTree llama1b() {
    LayerShapes shapes = new LayerShapes(2048).before(128_256);
    for (int i = 0; i < 16; i++) {
      String path = "model.layers." + i;
      shapes.attention(path, 2048, 512).gated(path, 8192).norms(path, 2);
    }
    return shapes.behind(128_256);
  }

  /** Query heads wider than the layer, their norms, and norms before and behind sub-layers. */
  static ModuleTree normedHeads() {
    LayerShapes shapes = new LayerShapes(64).before(1000);
    shapes.attention("model.layers.0", 96, 24).gated("model.layers.0", 200);
    shapes
        .vector("model.layers.0.self_attn.q_norm", 12)
        .vector("model.layers.0.self_attn.k_norm", 12);
    return shapes.norms("model.layers.0", 4).behind(1000);
  }

  /** One norm, which attention and a plain feed-forward layer read. */
  static ModuleTree parallel() {
    LayerShapes shapes = new LayerShapes(64).before(1000).attention("model.layers.0", 64, 64);
    shapes.linear("model.layers.0.mlp.fc1", 64, 256).linear("model.layers.0.mlp.fc2", 256, 64);
    return shapes.norms("model.layers.0", 1).behind(1000);
  }

  /**
   * Norms behind the sums, so that none stands behind the layers, and a narrower head: OPT-350m.
   */
  static ModuleTree narrowHead() {
    LayerShapes shapes = new LayerShapes(64).before(1000).attention("model.layers.0", 64, 64);
    shapes.linear("model.layers.0.fc1", 64, 256).linear("model.layers.0.fc2", 256, 64);
    shapes.norms("model.layers.0", 2).linear("model.project_out", 64, 32);
    shapes.modules.add(TargetModule.outputHead("lm_head", 32, 1000, false));
    return new ModuleTree("opt", "narrow", shapes.modules, shapes.parameters);
  }

  private LayerShapes before(int words) {
    modules.add(TargetModule.other("", "ForCausalLM", ""));
    modules.add(TargetModule.embedding("model.embed_tokens", words, hidden));
    parameters.add(
        new ParameterInfo("model.embed_tokens.weight", List.of((long) words, (long) hidden)));
    return this;
  }

  private ModuleTree behind(int words) {
    vector("model.norm", hidden);
    modules.add(TargetModule.outputHead("lm_head", hidden, words, false)); // tied
    return new ModuleTree("llama", "shape", modules, parameters);
  }

  private LayerShapes attention(String path, int queries, int keys) {
    return linear(path + ".self_attn.q_proj", hidden, queries)
        .linear(path + ".self_attn.k_proj", hidden, keys)
        .linear(path + ".self_attn.v_proj", hidden, keys)
        .linear(path + ".self_attn.o_proj", queries, hidden);
  }

  private LayerShapes gated(String path, int inner) {
    return linear(path + ".mlp.gate_proj", hidden, inner)
        .linear(path + ".mlp.up_proj", hidden, inner)
        .linear(path + ".mlp.down_proj", inner, hidden);
  }

  private LayerShapes norms(String path, int count) {
    for (int i = 0; i < count; i++) {
      vector(path + ".norm" + i, hidden);
    }
    return this;
  }

  private LayerShapes vector(String path, int width) {
    modules.add(TargetModule.other(path, "RMSNorm", ""));
    parameters.add(new ParameterInfo(path + ".weight", List.of((long) width)));
    return this;
  }

  private LayerShapes linear(String path, int in, int out) {
    modules.add(TargetModule.linear(path, in, out, false));
    parameters.add(new ParameterInfo(path + ".weight", List.of((long) out, (long) in)));
    return this;
  }
}
