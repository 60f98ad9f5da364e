package io.github.lora4j.spi;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an engine needs to know to put an adapter beside a base: where the low-rank pairs stand and
 * which parameters of the base the adapter brings its own copy of.
 *
 * @param pairs one per adapted module, in the order of the module tree
 * @param values the adapter's tensors in fp32 by their name in memory: {@code PATH.lora_A}, {@code
 *     PATH.lora_B} for a pair, {@code PATH.lora_magnitude_vector} for the lengths of its rows if it
 *     is one of DoRA, and the parameter's own name, e.g. {@code PATH.bias}, for a bias or for a
 *     parameter of a module that is trained whole
 * @param frozen matrices that stand in the place of the base's but are not trained, by the
 *     parameter's name: an embedding or a head of another vocabulary
 * @param halfFixed whether training leaves the second half of the ranks of every pair as it is: the
 *     lower rows of A and the right columns of B
 * @since 0.1.0
 */
public record AdapterLayout(
    List<Pair> pairs,
    Map<String, TensorData> values,
    Map<String, TensorData> frozen,
    boolean halfFixed) {

  /** Copies the collections; iteration order of the values is kept. */
  public AdapterLayout {
    pairs = List.copyOf(pairs);
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    frozen = Collections.unmodifiableMap(new LinkedHashMap<>(frozen));
  }

  /**
   * A layout in which every tensor is trained.
   *
   * @param pairs one per adapted module, in the order of the module tree
   * @param values the adapter's tensors in fp32 by their name in memory
   */
  public AdapterLayout(List<Pair> pairs, Map<String, TensorData> values) {
    this(pairs, values, Map.of(), false);
  }

  /**
   * A low-rank pair: A of shape (rank, in) and B of shape (out, rank). Beside an embedding, in is
   * the vocabulary.
   *
   * @param path path of the adapted module
   * @param inFeatures input width of the module
   * @param outFeatures output width of the module
   * @param rank rank of the update
   * @param scaling factor of the update, alpha / r or alpha / √r
   * @param dropout probability that an input element of the pair is dropped in training
   */
  public record Pair(
      String path, int inFeatures, int outFeatures, int rank, double scaling, double dropout) {

    /**
     * Name of A.
     *
     * @return {@code PATH.lora_A}
     */
    public String nameOfA() {
      return path + ".lora_A";
    }

    /**
     * Name of B.
     *
     * @return {@code PATH.lora_B}
     */
    public String nameOfB() {
      return path + ".lora_B";
    }

    /**
     * Name of the lengths of the adapted rows, (out), which {@link AdapterLayout#values()} has for
     * pairs of DoRA.
     *
     * @return {@code PATH.lora_magnitude_vector}
     */
    public String nameOfMagnitude() {
      return path + ".lora_magnitude_vector";
    }
  }
}
