package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.FusedAttention;
import io.github.lora4j.djl.layer.Embedding;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.layer.LossHead;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.Normalisation;
import io.github.lora4j.djl.layer.Projection;
import io.github.lora4j.djl.layer.QueryKeyValue;
import io.github.lora4j.djl.layer.RmsNorm;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a checkpoint, made into layers by the paths of their modules.
 *
 * @param weights by the names of the tree
 * @param manager owner of the weights and of what layers need besides
 * @param arithmetic what the numbers are stored and computed in
 */
public record Parts(CheckpointWeights weights, NDManager manager, Arithmetic arithmetic) {

  /**
   * A matrix.
   *
   * @param path of its module
   * @return as it is stored
   */
  public FrozenMatrix matrix(String path) {
    return weights.matrix(path + ".weight");
  }

  /**
   * A bias.
   *
   * @param path of its module
   * @return (out), fp32
   */
  public NDArray bias(String path) {
    return weights.vector(path + ".bias");
  }

  /**
   * A linear map, with its bias if it has one.
   *
   * @param path of its module
   * @return the map, with room for a low-rank pair
   */
  public Projection projection(String path) {
    NDArray bias = weights.has(path + ".bias") ? bias(path) : null;
    return new Projection(path, matrix(path), bias);
  }

  /**
   * Queries, keys and values by three linear maps.
   *
   * @param path of the attention that {@code q_proj}, {@code k_proj} and {@code v_proj} are in,
   *     with a dot at its end
   * @return the maps
   */
  public QueryKeyValue.Separate separate(String path) {
    return new QueryKeyValue.Separate(
        projection(path + "q_proj"), projection(path + "k_proj"), projection(path + "v_proj"));
  }

  /**
   * An embedding.
   *
   * @param path of its module
   * @return the embedding, in the type that layers compute in
   */
  public Embedding embedding(String path) {
    return new Embedding(path, matrix(path), arithmetic.compute());
  }

  /**
   * A head.
   *
   * @param norm the model's last norm, null for none
   * @param path of its module
   * @param table path of the embedding
   * @param tied whether its matrix is the embedding's
   * @return the head
   */
  public LossHead head(@Nullable Normalisation norm, String path, String table, boolean tied) {
    return new LossHead(norm, matrix(tied ? table : path), path, tied ? table : null);
  }

  /**
   * A layer norm.
   *
   * @param path of its module
   * @param epsilon added to the variance
   * @return the norm
   */
  public Norm layerNorm(String path, double epsilon) {
    return new Norm(path, weights.vector(path + ".weight"), bias(path), epsilon);
  }

  /**
   * An RMS norm.
   *
   * @param path of its module
   * @param plus what is added to the stored weight
   * @param epsilon added to the mean of squares
   * @return the norm
   */
  public RmsNorm rmsNorm(String path, double plus, double epsilon) {
    return new RmsNorm(path, weights.vector(path + ".weight"), plus, epsilon);
  }

  /**
   * Whether libtorch's fused attention serves the device and the type.
   *
   * @return false for the plain path
   */
  public boolean fusedAttention() {
    return FusedAttention.serves(manager.getDevice(), arithmetic.compute());
  }

  /**
   * The same for grouped heads, whose fused kernel is the one of the CPU.
   *
   * @return false for the plain path
   */
  public boolean fusedGroupedAttention() {
    return !manager.getDevice().isGpu();
  }
}
