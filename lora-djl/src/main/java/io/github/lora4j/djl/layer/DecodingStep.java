package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.internal.Kernels;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What all layers share in a pass that adds one token to every row of a cache: where the tokens
 * stand, the bias of attention, and the adapters.
 */
final class DecodingStep {

  private final NDManager manager;
  private final NDArray positions;
  private final int longest;
  private final @Nullable GatheredAdapters adapters;
  private @Nullable NDArray slopes;
  private @Nullable NDArray bias;
  private @Nullable NDArray places;

  /**
   * A step.
   *
   * @param manager of the pass
   * @param lengths tokens that the rows hold
   * @param adapters of the rows, null if each segment shall be added by itself
   */
  DecodingStep(NDManager manager, int[] lengths, @Nullable GatheredAdapters adapters) {
    this.manager = manager;
    this.positions = manager.create(Arrays.stream(lengths).asLongStream().toArray());
    this.longest = Arrays.stream(lengths).max().orElse(0) + 1;
    this.adapters = adapters;
  }

  @Nullable GatheredAdapters adapters() {
    return adapters;
  }

  /**
   * The bias of attention that hides what is not a row's own past, built for the first layer and
   * used by all.
   *
   * @param slopes (H), the same array in every layer
   * @return (B, H, 1, T), fp32, T = tokens of the longest row with its new one
   */
  NDArray bias(NDArray slopes) {
    if (bias == null || this.slopes != slopes) {
      bias = Kernels.get().one(manager, "alibi_decode_bias", slopes, positions, longest);
      this.slopes = slopes;
    }
    return bias;
  }

  /**
   * Where new keys and values go in every layer's arrays, found for the first one.
   *
   * @param cache (B, H, capacity, D/H)
   * @return (B * H) int64, rows of the cache seen as (B * H * capacity, D/H)
   */
  NDArray places(NDArray cache) {
    if (places == null) {
      places = Kernels.get().one(manager, "cache_places", cache, positions);
    }
    return places;
  }
}
