package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.internal.Kernels;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What all layers share in a pass that adds one token to every row of a cache: where the tokens
 * stand, the bias of attention, and the adapters.
 */
final class DecodingStep {

  private final NDManager manager;
  private final int[] lengths;
  private final NDArray positions;
  private final int longest;
  private final @Nullable GatheredAdapters adapters;
  private @Nullable NDArray slopes;
  private @Nullable NDArray bias;
  private final Map<Long, NDArray> places = new HashMap<>();
  private final Map<Integer, NDArray> seen = new HashMap<>();
  private final Map<Integer, NDArray> slotPositions = new HashMap<>();

  /**
   * A step.
   *
   * @param manager of the pass
   * @param lengths tokens that the rows hold
   * @param adapters of the rows, null if each segment shall be added by itself
   */
  DecodingStep(NDManager manager, int[] lengths, @Nullable GatheredAdapters adapters) {
    this.manager = manager;
    this.lengths = lengths;
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

  /** Tokens that the rows hold before this step, (B). */
  int[] lengths() {
    return lengths;
  }

  /** Tokens of the longest row with its new one. */
  int longest() {
    return longest;
  }

  /**
   * Where new keys and values go, found for the first layer of each number of slots.
   *
   * @param cache (B, H, slots, D/H)
   * @return (B * H) int64, rows of the cache seen as (B * H * slots, D/H)
   */
  NDArray places(NDArray cache) {
    return places.computeIfAbsent(
        cache.getShape().get(2),
        slots -> Kernels.get().one(manager, "cache_places", cache, positions));
  }

  /** Puts the new keys and values (B, H·d) into a cache. */
  void put(NDArray k, NDArray v, NDArray keys, NDArray values) {
    Kernels.get().run("grouped_put", k, v, keys, values, places(keys));
  }

  /** The slots that the rows see, of the first so many: (B, 1, 1, slots), 0 or -inf. */
  NDArray seen(int slots) {
    return seen.computeIfAbsent(
        slots, count -> Kernels.get().one(manager, "slots_seen", positions, count));
  }

  /** The positions that the first slots of a ring hold, (B, 1, 1, count). */
  NDArray slotPositions(int count, int ring) {
    return slotPositions.computeIfAbsent(
        ring, size -> Kernels.get().one(manager, "slot_positions", positions, count, size));
  }
}
