package io.github.lora4j.djl.model.llama;

import io.github.lora4j.djl.model.PythonFloat;
import io.github.lora4j.djl.model.TreeBuilder;
import io.github.lora4j.spi.ModuleTree;
import java.util.Locale;

/** The module tree of Llama and its kin, in PyTorch's order. */
final class LlamaTree {

  static final String HEAD = "lm_head";

  private final TreeBuilder tree = new TreeBuilder();
  private final LlamaConfig config;
  private final String prefix;
  private final String epsilon;

  private LlamaTree(LlamaConfig config) {
    this.config = config;
    this.prefix = config.family().prefix();
    this.epsilon = PythonFloat.repr(config.epsilon());
  }

  static ModuleTree of(LlamaConfig config, String name) {
    return new LlamaTree(config).build(name);
  }

  private ModuleTree build(String name) {
    int d = config.hidden();
    tree.other("", prefix + "ForCausalLM", "");
    tree.other("model", prefix + "Model", "");
    tree.embedding("model.embed_tokens", "Embedding", config.vocabulary(), d, config.padding());
    tree.other("model.layers", "ModuleList", "");
    for (int layer = 0; layer < config.layers(); layer++) {
      block("model.layers." + layer);
    }
    norm("model.norm", d);
    tree.other("model.rotary_emb", prefix + "RotaryEmbedding", "");
    tree.head(HEAD, d, config.vocabulary(), config.tied());
    return tree.build(config.family().name().toLowerCase(Locale.ROOT), name);
  }

  private void block(String path) {
    int d = config.hidden();
    int queries = config.heads() * config.headWidth();
    int keys = config.keyHeads() * config.headWidth();
    tree.other(path, prefix + "DecoderLayer", "");
    String attention = path + ".self_attn";
    tree.other(attention, prefix + "Attention", "");
    tree.linear(attention + ".q_proj", d, queries, config.inputBias());
    tree.linear(attention + ".k_proj", d, keys, config.inputBias());
    tree.linear(attention + ".v_proj", d, keys, config.inputBias());
    tree.linear(attention + ".o_proj", queries, d, config.outputBias());
    if (config.family().normsHeads()) {
      norm(attention + ".q_norm", config.headWidth());
      norm(attention + ".k_norm", config.headWidth());
    }
    String mlp = path + ".mlp";
    tree.other(mlp, prefix + "MLP", "");
    tree.linear(mlp + ".gate_proj", d, config.inner(), config.mlpBias());
    tree.linear(mlp + ".up_proj", d, config.inner(), config.mlpBias());
    tree.linear(mlp + ".down_proj", config.inner(), d, config.mlpBias());
    tree.activation(mlp + ".act_fn", config.activation());
    norm(path + ".input_layernorm", d);
    norm(path + ".post_attention_layernorm", d);
  }

  private void norm(String path, int width) {
    tree.rmsNorm(path, prefix + "RMSNorm", width, epsilon);
  }
}
