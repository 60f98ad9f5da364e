package io.github.lora4j.djl.model.gemma;

import io.github.lora4j.djl.model.PythonFloat;
import io.github.lora4j.djl.model.TreeBuilder;
import io.github.lora4j.spi.ModuleTree;

/** The module tree of Gemma 2 and 3, in PyTorch's order. */
final class GemmaTree {

  private final TreeBuilder tree = new TreeBuilder();
  private final GemmaConfig config;
  private final String prefix;

  private GemmaTree(GemmaConfig config) {
    this.config = config;
    this.prefix = config.third() ? "Gemma3" : "Gemma2";
  }

  static ModuleTree of(GemmaConfig config, String name) {
    return new GemmaTree(config).build(name);
  }

  private ModuleTree build(String name) {
    int d = config.hidden();
    tree.other("", prefix + "ForCausalLM", "");
    tree.other("model", config.third() ? "Gemma3TextModel" : "Gemma2Model", "");
    tree.embedding(
        "model.embed_tokens",
        prefix + "TextScaledWordEmbedding",
        config.vocabulary(),
        d,
        config.padding());
    tree.other("model.layers", "ModuleList", "");
    for (int layer = 0; layer < config.layers(); layer++) {
      block("model.layers." + layer);
    }
    norm("model.norm", d);
    tree.other("model.rotary_emb", prefix + "RotaryEmbedding", "");
    tree.head("lm_head", d, config.vocabulary(), config.tied());
    return tree.build(config.third() ? "gemma3_text" : "gemma2", name);
  }

  private void block(String path) {
    int d = config.hidden();
    int queries = config.heads() * config.headWidth();
    int keys = config.keyHeads() * config.headWidth();
    tree.other(path, prefix + "DecoderLayer", "");
    String attention = path + ".self_attn";
    tree.other(attention, prefix + "Attention", "");
    tree.linear(attention + ".q_proj", d, queries, config.bias());
    tree.linear(attention + ".k_proj", d, keys, config.bias());
    tree.linear(attention + ".v_proj", d, keys, config.bias());
    tree.linear(attention + ".o_proj", queries, d, config.bias());
    if (config.third()) {
      norm(attention + ".q_norm", config.headWidth());
      norm(attention + ".k_norm", config.headWidth());
    }
    tree.other(path + ".mlp", prefix + "MLP", "");
    tree.linear(path + ".mlp.gate_proj", d, config.inner(), false);
    tree.linear(path + ".mlp.up_proj", d, config.inner(), false);
    tree.linear(path + ".mlp.down_proj", config.inner(), d, false);
    tree.activation(path + ".mlp.act_fn", config.activation());
    norm(path + ".input_layernorm", d);
    norm(path + ".post_attention_layernorm", d);
    norm(path + ".pre_feedforward_layernorm", d);
    norm(path + ".post_feedforward_layernorm", d);
  }

  private void norm(String path, int width) {
    tree.rmsNorm(path, prefix + "RMSNorm", width, PythonFloat.repr(config.epsilon()));
  }
}
