package io.github.lora4j.djl.model;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import java.util.ArrayList;
import java.util.List;

/**
 * Lists the modules and parameters of a model in PyTorch's order. A path is that of its parent and
 * a name; containers are said before what they hold.
 */
public final class TreeBuilder {

  private final List<TargetModule> modules = new ArrayList<>();
  private final List<ParameterInfo> parameters = new ArrayList<>();

  /**
   * A module without parameters: a container, an activation.
   *
   * @param path dotted path
   * @param type its class
   * @param description what PyTorch prints between the parentheses of a leaf
   * @return this
   */
  public TreeBuilder other(String path, String type, String description) {
    modules.add(TargetModule.other(path, type, description));
    return this;
  }

  /**
   * A linear map.
   *
   * @param path dotted path
   * @param in input width
   * @param out output width
   * @param bias whether it adds a bias
   * @return this
   */
  public TreeBuilder linear(String path, int in, int out, boolean bias) {
    modules.add(TargetModule.linear(path, in, out, bias));
    parameter(path + ".weight", out, in);
    if (bias) {
      parameter(path + ".bias", out);
    }
    return this;
  }

  /**
   * A linear map of another class that prints like PyTorch's own.
   *
   * @param path dotted path
   * @param type its class
   * @param in input width
   * @param out output width
   * @param bias whether it adds a bias
   * @return this
   */
  public TreeBuilder linear(String path, String type, int in, int out, boolean bias) {
    TargetModule plain = TargetModule.linear(path, in, out, bias);
    modules.add(new TargetModule(path, type, plain.description(), plain.kind(), in, out));
    parameter(path + ".weight", out, in);
    if (bias) {
      parameter(path + ".bias", out);
    }
    return this;
  }

  /**
   * GPT-2's linear map, whose weight is stored as (in, out).
   *
   * @param path dotted path
   * @param in input width
   * @param out output width
   * @return this
   */
  public TreeBuilder conv1d(String path, int in, int out) {
    String text = "nf=%d, nx=%d".formatted(out, in);
    modules.add(new TargetModule(path, "Conv1D", text, TargetModule.Kind.LINEAR, in, out));
    parameter(path + ".weight", in, out);
    parameter(path + ".bias", out);
    return this;
  }

  /**
   * An activation.
   *
   * @param path dotted path
   * @param activation which
   * @return this
   */
  public TreeBuilder activation(String path, ActivationSetting activation) {
    return other(path, activation.type(), "");
  }

  /**
   * A dropout, which is never active here.
   *
   * @param path dotted path
   * @param probability as Python prints it
   * @return this
   */
  public TreeBuilder dropout(String path, double probability) {
    return other(path, "Dropout", "p=%s, inplace=False".formatted(PythonFloat.repr(probability)));
  }

  /**
   * A table that is added to and takes no adapter.
   *
   * @param path dotted path
   * @param type its class
   * @param rows positions
   * @param width columns
   * @return this
   */
  public TreeBuilder positions(String path, String type, int rows, int width) {
    other(path, type, "%d, %d".formatted(rows, width));
    return parameter(path + ".weight", rows, width);
  }

  /**
   * An RMS norm.
   *
   * @param path dotted path
   * @param type its class, which differs between families
   * @param width numbers that it normalises
   * @param epsilon as Python prints it
   * @return this
   */
  public TreeBuilder rmsNorm(String path, String type, int width, String epsilon) {
    other(path, type, "(%d,), eps=%s".formatted(width, epsilon));
    parameter(path + ".weight", width);
    return this;
  }

  /**
   * A layer norm.
   *
   * @param path dotted path
   * @param width numbers that it normalises
   * @param epsilon as Python prints it
   * @return this
   */
  public TreeBuilder layerNorm(String path, int width, String epsilon) {
    other(
        path,
        "LayerNorm",
        "(%d,), eps=%s, elementwise_affine=True, bias=True".formatted(width, epsilon));
    parameter(path + ".weight", width);
    parameter(path + ".bias", width);
    return this;
  }

  /**
   * A table of tokens or positions.
   *
   * @param path dotted path
   * @param type its class
   * @param rows vocabulary or positions
   * @param width columns
   * @param padding index that PyTorch prints for padding, negative for none
   * @return this
   */
  public TreeBuilder embedding(String path, String type, int rows, int width, int padding) {
    String text = "%d, %d%s".formatted(rows, width, padding < 0 ? "" : ", padding_idx=" + padding);
    modules.add(new TargetModule(path, type, text, TargetModule.Kind.EMBEDDING, rows, width));
    parameter(path + ".weight", rows, width);
    return this;
  }

  /**
   * The map onto the vocabulary.
   *
   * @param path dotted path
   * @param in input width
   * @param vocabulary output width
   * @param tied whether its weight is the embedding's, which is listed once
   * @return this
   */
  public TreeBuilder head(String path, int in, int vocabulary, boolean tied) {
    return head(path, in, vocabulary, tied, false);
  }

  /**
   * The map onto the vocabulary, with or without a bias.
   *
   * @param path dotted path
   * @param in input width
   * @param vocabulary output width
   * @param tied whether its weight is the embedding's, which is listed once
   * @param bias whether it adds a bias, which is its own even then
   * @return this
   */
  public TreeBuilder head(String path, int in, int vocabulary, boolean tied, boolean bias) {
    modules.add(TargetModule.outputHead(path, in, vocabulary, bias));
    if (!tied) {
      parameter(path + ".weight", vocabulary, in);
    }
    if (bias) {
      parameter(path + ".bias", vocabulary);
    }
    return this;
  }

  /**
   * A parameter of the module that was said last.
   *
   * @param name its name in the checkpoint
   * @param shape dimensions
   * @return this
   */
  public TreeBuilder parameter(String name, long... shape) {
    List<Long> dimensions = new ArrayList<>();
    for (long size : shape) {
      dimensions.add(size);
    }
    parameters.add(new ParameterInfo(name, dimensions));
    return this;
  }

  /**
   * The whole.
   *
   * @param modelType e.g. {@code llama}
   * @param baseName what to call the model
   * @return the tree
   */
  public ModuleTree build(String modelType, String baseName) {
    return new ModuleTree(modelType, baseName, modules, parameters);
  }
}
