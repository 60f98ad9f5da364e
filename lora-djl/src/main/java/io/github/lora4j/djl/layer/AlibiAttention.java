package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/**
 * Causal self-attention whose scores are biased by distance (ALiBi, Press et al. 2022): {@code
 * softmax(qkᵀ/√d + slope·(j - i)) v} per head, over BLOOM's fused rows of (H, 3, D/H).
 *
 * <p>libtorch's fused kernels are used both ways, so that memory grows with T; where they do not
 * serve a device, a plain one with (H, T, T) probabilities in fp32, one sequence at a time. Where
 * sequences share a prefix, it attends to itself once; what follows it in each of them attends to
 * itself and to the prefix, and the two are mixed by the weight of their scores.
 */
public final class AlibiAttention {

  private final int layer;
  private final NDArray slopes;
  private final boolean fused;

  /**
   * Attention of one layer.
   *
   * @param layer index of the layer in the cache
   * @param slopes (H), fp32
   * @param fused whether libtorch's fused kernels serve the device and the type
   */
  public AlibiAttention(int layer, NDArray slopes, boolean fused) {
    this.layer = layer;
    this.slopes = slopes;
    this.fused = fused;
  }

  /**
   * The slopes of ALiBi: a geometric sequence for a power of two of heads; for others that of the
   * next smaller power, then every second one of the next larger.
   *
   * @param manager owner of the array
   * @param heads H
   * @return (H), fp32
   */
  public static NDArray slopes(NDManager manager, int heads) {
    float[] slopes = new float[heads];
    int power = Integer.highestOneBit(heads);
    // fp32 powers of an fp32 base, as the reference computes them
    float base = (float) Math.pow(2, -8.0 / power);
    float between = (float) Math.pow(2, -4.0 / power);
    for (int head = 0; head < heads; head++) {
      slopes[head] =
          head < power
              ? (float) Math.pow(base, head + 1)
              : (float) Math.pow(between, 2 * (head - power) + 1);
    }
    return manager.create(slopes);
  }

  /**
   * Attends within each sequence, or to a cache if the pass has one.
   *
   * @param qkv (N, 3D)
   * @param pass the batch
   * @param tape what backward will need
   * @return (N, D)
   */
  public NDArray forward(NDArray qkv, Pass pass, Tape tape) {
    KeyValueCache cache = pass.cache();
    DecodingStep step = pass.step();
    Pieces pieces = pass.batch().pieces();
    if (cache != null && step != null) {
      NDArray keys = cache.keys(layer);
      return pass.one(
          "alibi_decode",
          qkv,
          keys,
          cache.values(layer),
          step.places(keys),
          step.bias(slopes),
          fused); // (B, D)
    }
    NDArray[] out =
        pass.many("alibi_forward", qkv, slopes, pieces.lengths(), pieces.parents(), fused);
    if (cache != null) {
      pass.one("cache_fill", qkv, cache.keys(layer), cache.values(layer), pieces.lengths());
    }
    tape.keep(qkv, out[0], out[1]); // (N, 3D), (N, D), (N, H)
    return out[0];
  }

  /**
   * Turns the gradient of the output into that of qkv.
   *
   * @param dy (N, D)
   * @param pass the pass of forward
   * @param tape what forward kept
   * @return (N, 3D)
   */
  public NDArray backward(NDArray dy, Pass pass, Tape tape) {
    Pieces pieces = pass.batch().pieces();
    try (Tape.Kept kept = tape.take()) {
      NDArray qkv = kept.get(0, pass);
      NDArray out = kept.get(1, pass);
      NDArray sums = kept.get(2, pass);
      return pass.one(
          "alibi_backward", dy, qkv, out, sums, slopes, pieces.lengths(), pieces.parents(), fused);
    }
  }
}
