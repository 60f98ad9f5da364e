package io.github.lora4j.djl.block;

import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Embedding;
import ai.djl.nn.transformer.IdEmbedding;

/**
 * What PyTorch would call the parameters of a block: the gamma and beta of a norm are its weight
 * and bias, the table of an embedding its weight.
 */
final class ParameterNames {

  private final Block block;

  ParameterNames(Block block) {
    this.block = block;
  }

  String of(Parameter parameter) {
    String own = parameter.getName();
    String known =
        switch (parameter.getType()) {
          case GAMMA -> "weight";
          case BETA -> "bias";
          case RUNNING_MEAN -> "running_mean";
          case RUNNING_VAR -> "running_var";
          case WEIGHT -> isEmbedding() ? "weight" : own;
          default -> own;
        };
    return block.getDirectParameters().contains(known) ? own : known; // two must not become one
  }

  private boolean isEmbedding() {
    return block instanceof Embedding || block instanceof IdEmbedding;
  }

  /** Whether the block itself moves it while it is trained, without any gradient. */
  static boolean isAverage(Parameter parameter) {
    return parameter.getType() == Parameter.Type.RUNNING_MEAN
        || parameter.getType() == Parameter.Type.RUNNING_VAR;
  }
}
