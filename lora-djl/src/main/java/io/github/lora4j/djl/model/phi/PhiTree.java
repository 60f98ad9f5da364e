package io.github.lora4j.djl.model.phi;

import io.github.lora4j.djl.model.PythonFloat;
import io.github.lora4j.djl.model.TreeBuilder;
import io.github.lora4j.spi.ModuleTree;

/** The module tree of Phi, in PyTorch's order. */
final class PhiTree {

  static final String TABLE = "model.embed_tokens";
  static final String HEAD = "lm_head";

  private final TreeBuilder tree = new TreeBuilder();
  private final PhiConfig config;

  private PhiTree(PhiConfig config) {
    this.config = config;
  }

  static ModuleTree of(PhiConfig config, String name) {
    return new PhiTree(config).build(name);
  }

  private ModuleTree build(String name) {
    int d = config.hidden();
    tree.other("", "PhiForCausalLM", "");
    tree.other("model", "PhiModel", "");
    tree.embedding(TABLE, "Embedding", config.vocabulary(), d, config.padding());
    tree.other("model.layers", "ModuleList", "");
    for (int layer = 0; layer < config.layers(); layer++) {
      block("model.layers." + layer);
    }
    tree.other("model.rotary_emb", "PhiRotaryEmbedding", "");
    tree.dropout("model.embed_dropout", config.dropouts().embedding());
    norm("model.final_layernorm");
    tree.head(HEAD, d, config.vocabulary(), config.tied(), true);
    return tree.build("phi", name);
  }

  private void block(String path) {
    int d = config.hidden();
    int keys = config.keyHeads() * config.headWidth();
    tree.other(path, "PhiDecoderLayer", "");
    String attention = path + ".self_attn";
    tree.other(attention, "PhiAttention", "");
    tree.linear(attention + ".q_proj", d, d, true);
    tree.linear(attention + ".k_proj", d, keys, true);
    tree.linear(attention + ".v_proj", d, keys, true);
    tree.linear(attention + ".dense", d, d, true);
    tree.other(path + ".mlp", "PhiMLP", "");
    tree.activation(path + ".mlp.activation_fn", config.activation());
    tree.linear(path + ".mlp.fc1", d, config.inner(), true);
    tree.linear(path + ".mlp.fc2", config.inner(), d, true);
    norm(path + ".input_layernorm");
    tree.dropout(path + ".resid_dropout", config.dropouts().residual());
  }

  private void norm(String path) {
    tree.layerNorm(path, config.hidden(), PythonFloat.repr(config.epsilon()));
  }
}
