package io.github.lora4j.djl.model.falcon;

import io.github.lora4j.djl.model.PythonFloat;
import io.github.lora4j.djl.model.TreeBuilder;
import io.github.lora4j.spi.ModuleTree;

/** The module tree of Falcon, in PyTorch's order. */
final class FalconTree {

  private final TreeBuilder tree = new TreeBuilder();
  private final FalconConfig config;

  private FalconTree(FalconConfig config) {
    this.config = config;
  }

  static ModuleTree of(FalconConfig config, String name) {
    return new FalconTree(config).build(name);
  }

  private ModuleTree build(String name) {
    int d = config.hidden();
    tree.other("", "FalconForCausalLM", "");
    tree.other("transformer", "FalconModel", "");
    tree.embedding("transformer.word_embeddings", "Embedding", config.vocabulary(), d, -1);
    tree.other("transformer.h", "ModuleList", "");
    for (int layer = 0; layer < config.layers(); layer++) {
      block("transformer.h." + layer);
    }
    norm("transformer.ln_f");
    tree.other("transformer.rotary_emb", "FalconRotaryEmbedding", "");
    tree.head("lm_head", d, config.vocabulary(), config.tied());
    return tree.build("falcon", name);
  }

  private void block(String path) {
    int d = config.hidden();
    int rows = (config.heads() + 2 * config.keyHeads()) * config.headWidth();
    tree.other(path, "FalconDecoderLayer", "");
    String attention = path + ".self_attention";
    tree.other(attention, "FalconAttention", "");
    linear(attention + ".query_key_value", d, rows);
    linear(attention + ".dense", d, d);
    tree.dropout(attention + ".attention_dropout", config.dropouts());
    tree.other(path + ".mlp", "FalconMLP", "");
    linear(path + ".mlp.dense_h_to_4h", d, config.inner());
    tree.activation(path + ".mlp.act", config.activation());
    linear(path + ".mlp.dense_4h_to_h", config.inner(), d);
    switch (config.norms()) {
      case TWO -> {
        norm(path + ".ln_attn");
        norm(path + ".ln_mlp");
      }
      case SHARED -> norm(path + ".input_layernorm");
      case SEQUENTIAL -> {
        norm(path + ".post_attention_layernorm");
        norm(path + ".input_layernorm");
      }
    }
  }

  private void linear(String path, int in, int out) {
    tree.linear(path, "FalconLinear", in, out, config.bias());
  }

  private void norm(String path) {
    tree.layerNorm(path, config.hidden(), PythonFloat.repr(config.epsilon()));
  }
}
