package io.github.lora4j.djl.model.gpt2;

import io.github.lora4j.djl.model.PythonFloat;
import io.github.lora4j.djl.model.TreeBuilder;
import io.github.lora4j.spi.ModuleTree;

/** The module tree of GPT-2, in PyTorch's order. */
final class Gpt2Tree {

  private final TreeBuilder tree = new TreeBuilder();
  private final Gpt2Config config;

  private Gpt2Tree(Gpt2Config config) {
    this.config = config;
  }

  static ModuleTree of(Gpt2Config config, String name) {
    return new Gpt2Tree(config).build(name);
  }

  private ModuleTree build(String name) {
    int d = config.hidden();
    tree.other("", "GPT2LMHeadModel", "");
    tree.other("transformer", "GPT2Model", "");
    tree.embedding("transformer.wte", "Embedding", config.vocabulary(), d, -1);
    tree.positions("transformer.wpe", "Embedding", config.places(), d);
    tree.dropout("transformer.drop", config.dropout().embedding());
    tree.other("transformer.h", "ModuleList", "");
    for (int layer = 0; layer < config.layers(); layer++) {
      block("transformer.h." + layer);
    }
    norm("transformer.ln_f");
    tree.head("lm_head", d, config.vocabulary(), config.tied());
    return tree.build("gpt2", name);
  }

  private void block(String path) {
    int d = config.hidden();
    tree.other(path, "GPT2Block", "");
    norm(path + ".ln_1");
    tree.other(path + ".attn", "GPT2Attention", "");
    tree.conv1d(path + ".attn.c_attn", d, 3 * d);
    tree.conv1d(path + ".attn.c_proj", d, d);
    tree.dropout(path + ".attn.attn_dropout", config.dropout().attention());
    tree.dropout(path + ".attn.resid_dropout", config.dropout().residual());
    norm(path + ".ln_2");
    tree.other(path + ".mlp", "GPT2MLP", "");
    tree.conv1d(path + ".mlp.c_fc", d, config.inner());
    tree.conv1d(path + ".mlp.c_proj", config.inner(), d);
    tree.activation(path + ".mlp.act", config.activation());
    tree.dropout(path + ".mlp.dropout", config.dropout().residual());
  }

  private void norm(String path) {
    tree.layerNorm(path, config.hidden(), PythonFloat.repr(config.epsilon()));
  }
}
