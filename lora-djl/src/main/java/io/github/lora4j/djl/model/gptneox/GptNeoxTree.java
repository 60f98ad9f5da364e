package io.github.lora4j.djl.model.gptneox;

import io.github.lora4j.djl.model.PythonFloat;
import io.github.lora4j.djl.model.TreeBuilder;
import io.github.lora4j.spi.ModuleTree;

/** The module tree of GPT-NeoX, in PyTorch's order. */
final class GptNeoxTree {

  private final TreeBuilder tree = new TreeBuilder();
  private final GptNeoxConfig config;

  private GptNeoxTree(GptNeoxConfig config) {
    this.config = config;
  }

  static ModuleTree of(GptNeoxConfig config, String name) {
    return new GptNeoxTree(config).build(name);
  }

  private ModuleTree build(String name) {
    int d = config.hidden();
    tree.other("", "GPTNeoXForCausalLM", "");
    tree.other("gpt_neox", "GPTNeoXModel", "");
    tree.embedding("gpt_neox.embed_in", "Embedding", config.vocabulary(), d, -1);
    tree.dropout("gpt_neox.emb_dropout", config.dropout());
    tree.other("gpt_neox.layers", "ModuleList", "");
    for (int layer = 0; layer < config.layers(); layer++) {
      block("gpt_neox.layers." + layer);
    }
    norm("gpt_neox.final_layer_norm");
    tree.other("gpt_neox.rotary_emb", "GPTNeoXRotaryEmbedding", "");
    tree.head("lm_head", d, config.vocabulary(), config.tied());
    return tree.build("gpt_neox", name);
  }

  private void block(String path) {
    int d = config.hidden();
    tree.other(path, "GPTNeoXLayer", "");
    norm(path + ".input_layernorm");
    norm(path + ".post_attention_layernorm");
    tree.dropout(path + ".post_attention_dropout", config.dropout());
    tree.dropout(path + ".post_mlp_dropout", config.dropout());
    tree.other(path + ".attention", "GPTNeoXAttention", "");
    tree.linear(path + ".attention.query_key_value", d, 3 * d, config.attentionBias());
    tree.linear(path + ".attention.dense", d, d, config.attentionBias());
    tree.other(path + ".mlp", "GPTNeoXMLP", "");
    tree.linear(path + ".mlp.dense_h_to_4h", d, config.inner(), true);
    tree.linear(path + ".mlp.dense_4h_to_h", config.inner(), d, true);
    tree.activation(path + ".mlp.act", config.activation());
  }

  private void norm(String path) {
    tree.layerNorm(path, config.hidden(), PythonFloat.repr(config.epsilon()));
  }
}
