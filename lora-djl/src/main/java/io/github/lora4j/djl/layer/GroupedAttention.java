package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/**
 * Causal self-attention with as many query heads as there are, or fewer heads of keys and values
 * that groups of query heads share; with or without rotary positions, a sliding window, a bias by
 * distance (ALiBi) and a cap on the scores.
 *
 * <p>{@code softmax(cap(s · q kᵀ) + bias) v} per head. libtorch's fused kernels are used both ways
 * where they serve the device; a cap needs the plain path, whose memory grows with T².
 *
 * @see <a href="https://arxiv.org/abs/2305.13245">Ainslie et al. 2023</a>
 */
public final class GroupedAttention {

  /**
   * What is computed.
   *
   * @param heads heads of keys and values, H
   * @param groups query heads for each of them, G
   * @param scale s, usually 1 / √d
   * @param window tokens that one sees, itself included; 0 for all before it
   * @param softCap largest magnitude of a score; 0 for no cap
   */
  public record Form(int heads, int groups, double scale, int window, double softCap) {

    /** Checks the numbers. */
    public Form {
      if (heads < 1 || groups < 1 || !(scale > 0) || window < 0 || !(softCap >= 0)) {
        throw new IllegalArgumentException(
            "attention needs positive heads, groups and scale, and no negative window or cap, got"
                + " %d, %d, %s, %d, %s".formatted(heads, groups, scale, window, softCap));
      }
    }
  }

  private final int layer;
  private final Form form;
  private final @Nullable Rotary rotary;
  private final NDArray[] slopes;
  private final boolean fused;

  /**
   * Attention of one layer.
   *
   * @param layer index of the layer in the cache
   * @param form what is computed
   * @param rotary angles by position, null for none
   * @param slopes of a bias by distance, (H·G), and a factor of it, (1) fp32; null for none. The
   *     bias is rounded as the type of the slopes is
   * @param fused whether libtorch's fused kernels serve the device and the type
   */
  public GroupedAttention(
      int layer, Form form, @Nullable Rotary rotary, NDArray @Nullable [] slopes, boolean fused) {
    this.layer = layer;
    this.form = form;
    this.rotary = rotary;
    this.slopes = slopes == null ? new NDArray[0] : slopes.clone();
    this.fused = fused;
  }

  /**
   * Attends within each sequence, or to a cache if the pass has one.
   *
   * @param q (N, H·G·d), not turned yet
   * @param k (N, H·d), not turned yet
   * @param v (N, H·d)
   * @param pass the batch
   * @param tape what backward will need
   * @return (N, H·G·d)
   */
  public NDArray forward(NDArray q, NDArray k, NDArray v, Pass pass, Tape tape) {
    NDArray turnedQ = rotary == null ? q : rotary.forward(q, form.heads * form.groups, pass);
    NDArray turnedK = rotary == null ? k : rotary.forward(k, form.heads, pass);
    KeyValueCache cache = pass.cache();
    NDArray cachedK = rotary != null && rotary.turnsCache() ? k : turnedK;
    if (cache != null && pass.step() != null) {
      return decode(turnedQ, cachedK, v, pass, cache, pass.step()); // (B, H·G·d)
    }
    int[] lengths = pass.batch().pieces().lengths();
    NDArray[] out =
        pass.many(
            "grouped_forward",
            turnedQ,
            turnedK,
            v,
            slopes,
            form.heads,
            form.groups,
            lengths,
            pass.batch().pieces().parents(),
            form.scale,
            form.window,
            form.softCap,
            fused);
    if (cache != null) {
      pass.one("grouped_fill", cachedK, v, cache.keys(layer), cache.values(layer), lengths);
    }
    tape.keep(turnedQ, turnedK, v, out[0], out[1]);
    return out[0];
  }

  private NDArray decode(
      NDArray q, NDArray k, NDArray v, Pass pass, KeyValueCache cache, DecodingStep step) {
    NDArray keys = cache.keys(layer); // (B, H, slots, d)
    NDArray values = cache.values(layer);
    int slots = Math.toIntExact(keys.getShape().get(2));
    step.put(k, v, keys, values);
    int seen = Math.min(step.longest(), slots);
    NDArray first = pass.one("first_slots", keys, seen); // (B, H, seen, d)
    if (rotary != null && rotary.turnsCache()) {
      first = rotary.turned(keys, seen, slots, pass);
    }
    return pass.one(
        "grouped_decode",
        q,
        first,
        pass.one("first_slots", values, seen),
        step.seen(seen),
        step.slotPositions(seen, slots),
        slopes,
        form.scale,
        form.softCap,
        fused);
  }

  /**
   * Turns the gradient of the output into those of q, k and v.
   *
   * @param dy (N, H·G·d)
   * @param pass the pass of forward
   * @param tape what forward kept
   * @return of q, k and v, in this order
   */
  public NDArray[] backward(NDArray dy, Pass pass, Tape tape) {
    try (Tape.Kept kept = tape.take()) {
      NDArray[] d =
          pass.many(
              "grouped_backward",
              dy,
              kept.get(0, pass),
              kept.get(1, pass),
              kept.get(2, pass),
              kept.get(3, pass),
              kept.get(4, pass),
              slopes,
              form.heads,
              form.groups,
              pass.batch().pieces().lengths(),
              pass.batch().pieces().parents(),
              form.scale,
              form.window,
              form.softCap,
              fused);
      if (rotary == null) {
        return d;
      }
      NDArray dq = rotary.backward(d[0], form.heads * form.groups, pass);
      d[0].close();
      NDArray dk = rotary.backward(d[1], form.heads, pass);
      d[1].close();
      return new NDArray[] {dq, dk, d[2]};
    }
  }
}
