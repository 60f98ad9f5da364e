package io.github.lora4j.djl.block;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.LambdaBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.SymbolBlock;
import ai.djl.nn.core.Embedding;
import ai.djl.nn.core.Linear;
import ai.djl.nn.transformer.IdEmbedding;
import io.github.lora4j.LoraException;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The modules and parameters of a block, under the names that PyTorch would give them. A block that
 * stands in two places is listed at the first, as is a parameter that two blocks share.
 */
final class BlockTree {

  private final List<TargetModule> modules = new ArrayList<>();
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Set<Block> blocks = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<String> ids = new HashSet<>();

  private BlockTree() {}

  /**
   * Reads a block.
   *
   * @throws IllegalStateException if it has no weights yet
   * @throws IllegalArgumentException if it is, or holds, the model of an adapter
   * @throws LoraException if it is, or holds, a block whose weights an adapter cannot reach
   */
  static BlockTree of(Block root) {
    BlockTree tree = new BlockTree();
    refuse("", root); // before asking whether it is ready: an imported model always is
    if (!root.isInitialized()) {
      throw new IllegalStateException(
          "the %s is not initialised, so its weights have no shapes yet; call block.initialize(manager, DataType.FLOAT32, shape of an input), or load its parameters, and then wrap it"
              .formatted(typeOf(root)));
    }
    tree.add("", root);
    return tree;
  }

  private void add(String path, Block block) {
    refuse(path, block);
    if (!blocks.add(block)) {
      return;
    }
    modules.add(module(path, block));
    ParameterNames names = new ParameterNames(block);
    for (Parameter parameter : block.getDirectParameters().values()) {
      if (ids.add(parameter.getId())) {
        parameters.put(join(path, names.of(parameter)), parameter);
      }
    }
    List<Block> children = block.getChildren().values();
    List<String> childNames = ChildNames.of(block);
    for (int i = 0; i < children.size(); i++) {
      add(join(path, childNames.get(i)), children.get(i));
    }
  }

  private static void refuse(String path, Block block) {
    String where = path.isEmpty() ? "the block" : "the block at '" + path + "'";
    if (block instanceof PeftBlock) {
      throw new IllegalArgumentException(
          "an adapter stands beside a bare base, and %s has an adapter already; wrap the base"
              .formatted(where));
    }
    if (block instanceof SymbolBlock) {
      throw new LoraException(
          "%s is a %s, an imported model: it computes with weights of its own, which no adapter reaches. Load the checkpoint with CausalLm.load if it is of a family known there, or rebuild the model of DJL's blocks and load its weights into them"
              .formatted(where, typeOf(block)));
    }
  }

  private static TargetModule module(String path, Block block) {
    if (block instanceof Linear) {
      Shape weight = shapeOf(block, "weight"); // (out, in)
      boolean bias = block.getDirectParameters().contains("bias");
      return TargetModule.linear(path, side(weight, 1), side(weight, 0), bias);
    } else if (block instanceof Embedding || block instanceof IdEmbedding) {
      Shape table = shapeOf(block, "embedding"); // (V, D)
      return TargetModule.embedding(path, side(table, 0), side(table, 1));
    }
    boolean named = block instanceof LambdaBlock lambda && !lambda.getName().isEmpty();
    String description = named ? ((LambdaBlock) block).getName() : "";
    return TargetModule.other(path, typeOf(block), description);
  }

  private static Shape shapeOf(Block block, String parameter) {
    return block.getDirectParameters().get(parameter).getArray().getShape();
  }

  private static int side(Shape shape, int dimension) {
    return Math.toIntExact(shape.get(dimension));
  }

  private static String typeOf(Block block) {
    String name = block.getClass().getSimpleName();
    return name.isEmpty() ? "Block" : name;
  }

  private static String join(String path, String name) {
    return path.isEmpty() ? name : path + "." + name;
  }

  /** What the core asks for; running averages are no parameters in PyTorch, and are not counted. */
  ModuleTree modules() {
    List<ParameterInfo> infos = new ArrayList<>();
    parameters.forEach(
        (name, parameter) -> {
          if (!ParameterNames.isAverage(parameter)) {
            long[] shape = parameter.getArray().getShape().getShape();
            infos.add(new ParameterInfo(name, Arrays.stream(shape).boxed().toList()));
          }
        });
    return new ModuleTree("", "", modules, infos);
  }

  /** A parameter by its name in {@link #modules()}. */
  Parameter parameter(String name) {
    Parameter parameter = parameters.get(name);
    if (parameter == null) {
      throw new IllegalArgumentException(
          "the block has no parameter '%s'; it has %s".formatted(name, parameters.keySet()));
    }
    return parameter;
  }

  /** Everything that the block computes with, running averages included, by name. */
  Map<String, Parameter> all() {
    return Collections.unmodifiableMap(parameters);
  }
}
