package io.github.lora4j.djl.model.opt;

import io.github.lora4j.djl.model.TreeBuilder;
import io.github.lora4j.spi.ModuleTree;

/** The module tree of OPT, in PyTorch's order. */
final class OptTree {

  /** Rows of the table of positions before that of the first one. */
  static final int OFFSET = 2;

  private static final String DECODER = "model.decoder";
  private static final String EPSILON = "1e-05";

  private final TreeBuilder tree = new TreeBuilder();
  private final OptConfig config;

  private OptTree(OptConfig config) {
    this.config = config;
  }

  static ModuleTree of(OptConfig config, String name) {
    return new OptTree(config).build(name);
  }

  private ModuleTree build(String name) {
    int d = config.hidden();
    int embedded = config.embedded();
    tree.other("", "OPTForCausalLM", "");
    tree.other("model", "OPTModel", "");
    tree.other(DECODER, "OPTDecoder", "");
    tree.embedding(
        DECODER + ".embed_tokens", "Embedding", config.vocabulary(), embedded, config.padding());
    tree.positions(
        DECODER + ".embed_positions", "OPTLearnedPositionalEmbedding", config.places() + OFFSET, d);
    if (config.projects()) {
      tree.linear(DECODER + ".project_out", d, embedded, false);
      tree.linear(DECODER + ".project_in", embedded, d, false);
    }
    if (config.lastNorm()) {
      tree.layerNorm(DECODER + ".final_layer_norm", d, EPSILON);
    }
    tree.other(DECODER + ".layers", "ModuleList", "");
    for (int layer = 0; layer < config.layers(); layer++) {
      block(DECODER + ".layers." + layer);
    }
    tree.head("lm_head", embedded, config.vocabulary(), config.tied());
    return tree.build("opt", name);
  }

  private void block(String path) {
    int d = config.hidden();
    tree.other(path, "OPTDecoderLayer", "");
    tree.other(path + ".self_attn", "OPTAttention", "");
    for (String map : new String[] {"k_proj", "v_proj", "q_proj", "out_proj"}) {
      tree.linear(path + ".self_attn." + map, d, d, config.bias());
    }
    tree.activation(path + ".activation_fn", config.activation());
    tree.layerNorm(path + ".self_attn_layer_norm", d, EPSILON);
    tree.linear(path + ".fc1", d, config.inner(), config.bias());
    tree.linear(path + ".fc2", config.inner(), d, config.bias());
    tree.layerNorm(path + ".final_layer_norm", d, EPSILON);
  }
}
