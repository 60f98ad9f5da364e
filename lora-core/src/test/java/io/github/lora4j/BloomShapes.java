package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import java.util.ArrayList;
import java.util.List;

/** The module trees of BLOOM checkpoints from their sizes alone. */
final class BloomShapes {

  private static final int VOCABULARY = 250_880;

  private final int hidden;
  private final int layers;
  private final List<TargetModule> modules = new ArrayList<>();
  private final List<ParameterInfo> parameters = new ArrayList<>();

  private BloomShapes(int hidden, int layers) {
    this.hidden = hidden;
    this.layers = layers;
  }

  static ModuleTree bloom560m() {
    return new BloomShapes(1024, 24).tree("bigscience/bloom-560m");
  }

  static ModuleTree bloom1b1() {
    return new BloomShapes(1536, 24).tree("bigscience/bloom-1b1");
  }

  static ModuleTree bloom1b7() {
    return new BloomShapes(2048, 24).tree("bigscience/bloom-1b7");
  }

  static ModuleTree bloom3b() {
    return new BloomShapes(2560, 30).tree("bigscience/bloom-3b");
  }

  private ModuleTree tree(String name) {
    modules.add(TargetModule.other("", "BloomForCausalLM", ""));
    modules.add(TargetModule.other("transformer", "BloomModel", ""));
    modules.add(TargetModule.embedding("transformer.word_embeddings", VOCABULARY, hidden));
    parameter("transformer.word_embeddings.weight", VOCABULARY, hidden);
    norm("transformer.word_embeddings_layernorm");
    modules.add(TargetModule.other("transformer.h", "ModuleList", ""));
    for (int i = 0; i < layers; i++) {
      block("transformer.h." + i);
    }
    norm("transformer.ln_f");
    modules.add(TargetModule.outputHead("lm_head", hidden, VOCABULARY, false)); // tied
    return new ModuleTree("bloom", name, modules, parameters);
  }

  private void block(String path) {
    modules.add(TargetModule.other(path, "BloomBlock", ""));
    norm(path + ".input_layernorm");
    modules.add(TargetModule.other(path + ".self_attention", "BloomAttention", ""));
    linear(path + ".self_attention.query_key_value", hidden, 3 * hidden);
    linear(path + ".self_attention.dense", hidden, hidden);
    norm(path + ".post_attention_layernorm");
    modules.add(TargetModule.other(path + ".mlp", "BloomMLP", ""));
    linear(path + ".mlp.dense_h_to_4h", hidden, 4 * hidden);
    linear(path + ".mlp.dense_4h_to_h", 4 * hidden, hidden);
  }

  private void linear(String path, int in, int out) {
    modules.add(TargetModule.linear(path, in, out, true));
    parameter(path + ".weight", out, in);
    parameter(path + ".bias", out);
  }

  private void norm(String path) {
    modules.add(TargetModule.other(path, "LayerNorm", "(%d,)".formatted(hidden)));
    parameter(path + ".weight", hidden);
    parameter(path + ".bias", hidden);
  }

  private void parameter(String name, long... shape) {
    parameters.add(new ParameterInfo(name, java.util.Arrays.stream(shape).boxed().toList()));
  }
}
