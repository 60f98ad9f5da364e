package io.github.lora4j.djl.model;

import io.github.lora4j.spi.ModuleTree;
import java.util.Map;
import java.util.Set;

/**
 * A model of a family in one shape: what its modules are called, and which layers it is a stack of.
 * Everything else, from loading to training and generation, is the same for all.
 */
public interface ModelFamily {

  /**
   * Modules and parameters, named as in the checkpoint; no weight is needed.
   *
   * @param name what to call the model
   * @return the tree
   */
  ModuleTree tree(String name);

  /**
   * Builds the layers.
   *
   * @param parts the weights, by the names of the tree
   * @return the model
   */
  Stack assemble(Parts parts);

  /**
   * What the checkpoint of a bare model leaves out at the start of names.
   *
   * @return e.g. {@code transformer.}; empty for nothing
   */
  String prefix();

  /**
   * Names of parameters that are others of the tree by another name, such as a head tied to the
   * embedding; they may stand in a checkpoint.
   *
   * @return by the name that the checkpoint may have, the one that the tree has
   */
  Map<String, String> tied();

  /**
   * Names that checkpoints have for parameters of the tree.
   *
   * @return by the name in the tree, the one in the checkpoint
   */
  default Map<String, String> aliases() {
    return Map.of();
  }

  /**
   * Whether a matrix is stored as (in, out), as GPT-2's are, and the tree says so.
   *
   * @param parameter its name
   * @return true if layers want it the other way round
   */
  default boolean isTransposed(String parameter) {
    return false;
  }

  /**
   * Names that checkpoints hold and that are no parameters, e.g. tables of masks.
   *
   * @return ends of names
   */
  default Set<String> buffers() {
    return Set.of();
  }

  /**
   * The shape in a few words.
   *
   * @return e.g. {@code bloom, 24 layers of width 1024}
   */
  String shape();
}
