package io.github.lora4j.djl.model.phi3;

import io.github.lora4j.djl.model.PythonFloat;
import io.github.lora4j.djl.model.TreeBuilder;
import io.github.lora4j.spi.ModuleTree;

/** The module tree of Phi-3, in PyTorch's order. */
final class Phi3Tree {

  private final TreeBuilder tree = new TreeBuilder();
  private final Phi3Config config;

  private Phi3Tree(Phi3Config config) {
    this.config = config;
  }

  static ModuleTree of(Phi3Config config, String name) {
    return new Phi3Tree(config).build(name);
  }

  private ModuleTree build(String name) {
    int d = config.hidden();
    tree.other("", "Phi3ForCausalLM", "");
    tree.other("model", "Phi3Model", "");
    tree.embedding("model.embed_tokens", "Embedding", config.vocabulary(), d, config.padding());
    tree.other("model.layers", "ModuleList", "");
    for (int layer = 0; layer < config.layers(); layer++) {
      block("model.layers." + layer);
    }
    norm("model.norm");
    tree.other("model.rotary_emb", "Phi3RotaryEmbedding", "");
    tree.head("lm_head", d, config.vocabulary(), config.tied());
    return tree.build("phi3", name);
  }

  private void block(String path) {
    int d = config.hidden();
    int queries = config.heads() * config.headWidth();
    int keys = config.keyHeads() * config.headWidth();
    tree.other(path, "Phi3DecoderLayer", "");
    tree.other(path + ".self_attn", "Phi3Attention", "");
    tree.linear(path + ".self_attn.o_proj", queries, d, false);
    tree.linear(path + ".self_attn.qkv_proj", d, queries + 2 * keys, false);
    tree.other(path + ".mlp", "Phi3MLP", "");
    tree.linear(path + ".mlp.gate_up_proj", d, 2 * config.inner(), false);
    tree.linear(path + ".mlp.down_proj", config.inner(), d, false);
    tree.activation(path + ".mlp.activation_fn", config.activation());
    norm(path + ".input_layernorm");
    norm(path + ".post_attention_layernorm");
    tree.dropout(path + ".resid_attn_dropout", config.dropout());
    tree.dropout(path + ".resid_mlp_dropout", config.dropout());
  }

  private void norm(String path) {
    tree.rmsNorm(path, "Phi3RMSNorm", config.hidden(), PythonFloat.repr(config.epsilon()));
  }
}
