package io.github.lora4j.djl.model.bloom;

import io.github.lora4j.djl.model.PythonFloat;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import java.util.ArrayList;
import java.util.List;

/** The module tree of a BLOOM shape, in PyTorch's order; no weight is needed. */
final class BloomTree {

  static final String HEAD = "lm_head";

  private final List<TargetModule> modules = new ArrayList<>();
  private final List<ParameterInfo> parameters = new ArrayList<>();
  private final BloomConfig config;

  private BloomTree(BloomConfig config) {
    this.config = config;
  }

  static ModuleTree of(BloomConfig config, String baseName) {
    BloomTree tree = new BloomTree(config);
    tree.fill();
    return new ModuleTree("bloom", baseName, tree.modules, tree.parameters);
  }

  private void fill() {
    int d = config.hidden();
    container("", "BloomForCausalLM");
    container("transformer", "BloomModel");
    modules.add(TargetModule.embedding("transformer.word_embeddings", config.vocabulary(), d));
    parameter("transformer.word_embeddings.weight", config.vocabulary(), d);
    norm("transformer.word_embeddings_layernorm");
    container("transformer.h", "ModuleList");
    for (int layer = 0; layer < config.layers(); layer++) {
      block("transformer.h." + layer);
    }
    norm("transformer.ln_f");
    modules.add(TargetModule.outputHead(HEAD, d, config.vocabulary(), false));
    if (!config.tied()) {
      parameter(HEAD + ".weight", config.vocabulary(), d);
    }
  }

  private void block(String path) {
    int d = config.hidden();
    container(path, "BloomBlock");
    norm(path + ".input_layernorm");
    container(path + ".self_attention", "BloomAttention");
    linear(path + ".self_attention.query_key_value", d, 3 * d);
    linear(path + ".self_attention.dense", d, d);
    leaf(path + ".self_attention.attention_dropout", "Dropout", "p=0.0, inplace=False");
    norm(path + ".post_attention_layernorm");
    container(path + ".mlp", "BloomMLP");
    linear(path + ".mlp.dense_h_to_4h", d, 4 * d);
    leaf(path + ".mlp.gelu_impl", "BloomGelu", "");
    linear(path + ".mlp.dense_4h_to_h", 4 * d, d);
  }

  private void container(String path, String type) {
    leaf(path, type, "");
  }

  private void leaf(String path, String type, String description) {
    modules.add(TargetModule.other(path, type, description));
  }

  private void norm(String path) {
    leaf(
        path,
        "LayerNorm",
        "(%d,), eps=%s, elementwise_affine=True, bias=True"
            .formatted(config.hidden(), PythonFloat.repr(config.epsilon())));
    parameter(path + ".weight", config.hidden());
    parameter(path + ".bias", config.hidden());
  }

  private void linear(String path, int in, int out) {
    modules.add(TargetModule.linear(path, in, out, true));
    parameter(path + ".weight", out, in);
    parameter(path + ".bias", out);
  }

  private void parameter(String name, long... shape) {
    List<Long> dimensions = new ArrayList<>();
    for (long size : shape) {
      dimensions.add(size);
    }
    parameters.add(new ParameterInfo(name, dimensions));
  }
}
