package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.djl.internal.Kernels;

/**
 * Rotary positions: the first R numbers of every head are turned in pairs by angles that grow with
 * the position of their token. The tables of a pass are made once and serve all its layers.
 *
 * <p>Where the angles depend on how long a sequence has become ({@link
 * RotaryFrequencies#constantUpTo}), keys are cached as they were before turning and turned anew at
 * every step, so that a text does not depend on how it was cut into passes.
 */
public final class Rotary {

  private final RotaryFrequencies frequencies;
  private final boolean interleaved;

  /**
   * Angles of a model.
   *
   * @param frequencies radians a token
   * @param interleaved whether neighbours are pairs, as GPT-J has it, or the halves of the part
   *     that turns, as GPT-NeoX and Llama do
   */
  public Rotary(RotaryFrequencies frequencies, boolean interleaved) {
    this.frequencies = frequencies;
    this.interleaved = interleaved;
  }

  /** Whether cached keys have to be turned at every step. */
  boolean turnsCache() {
    return frequencies.constantUpTo() < Integer.MAX_VALUE;
  }

  /** Turns queries or keys of the tokens of a pass: x (N, H·d). */
  NDArray forward(NDArray x, int heads, Pass pass) {
    NDArray[] table = table(pass);
    return pass.one("rotate", x, table[0], table[1], heads, interleaved);
  }

  /** The gradient of what went into {@link #forward}. */
  NDArray backward(NDArray dy, int heads, Pass pass) {
    NDArray[] table = table(pass);
    return pass.one("rotate_back", dy, table[0], table[1], heads, interleaved);
  }

  /**
   * Keys of a cache (B, H, slots, d), turned anew.
   *
   * @param keys the first {@code count} slots of a ring of {@code ring}
   * @param count slots that the longest row has filled
   * @param ring slots in all
   * @param pass a step of decoding
   */
  NDArray turned(NDArray keys, int count, int ring, Pass pass) {
    NDArray[] table =
        pass.once(new Key(this, ring), manager -> cacheTable(count, ring, pass, manager));
    return pass.one("rotate_cached", keys, count, table[0], table[1], interleaved);
  }

  private static final int NO_CACHE = 0;

  private record Key(Rotary rotary, int ring) {}

  private NDArray[] table(Pass pass) {
    return pass.once(
        new Key(this, NO_CACHE), manager -> table(pass, manager)); // cos, sin: (N, R/2)
  }

  private NDArray[] table(Pass pass, NDManager manager) {
    return table(pass.positions(), pass.lengthsOfTokens(), manager);
  }

  private NDArray[] table(int[] positions, int[] lengths, NDManager manager) {
    float[] places = new float[positions.length];
    boolean same = true;
    for (int i = 0; i < positions.length; i++) {
      places[i] = positions[i];
      same &= lengths[i] <= frequencies.constantUpTo();
    }
    NDArray at = manager.create(places); // (N)
    NDArray factor = manager.create(new float[] {(float) frequencies.factor()});
    NDArray[] made =
        pass(
            manager, at, same ? manager.create(frequencies.at(0)) : each(lengths, manager), factor);
    at.close();
    factor.close();
    return made;
  }

  private static NDArray[] pass(NDManager manager, NDArray at, NDArray table, NDArray factor) {
    try (table) {
      return Kernels.get().many(manager, "rotary_table", at, table, factor);
    }
  }

  /** Frequencies of every token's sequence, (N, R/2). */
  private NDArray each(int[] lengths, NDManager manager) {
    int half = frequencies.at(0).length;
    float[] all = new float[Math.multiplyExact(lengths.length, half)];
    for (int i = 0; i < lengths.length; i++) {
      if (i > 0 && lengths[i] == lengths[i - 1]) {
        System.arraycopy(all, (i - 1) * half, all, i * half, half);
      } else {
        System.arraycopy(frequencies.at(lengths[i]), 0, all, i * half, half);
      }
    }
    return manager.create(all, new Shape(lengths.length, half));
  }

  /** cos, sin of the positions that slots hold: (B, count, R/2). */
  private NDArray[] cacheTable(int count, int ring, Pass pass, NDManager manager) {
    int[] lengths = pass.lengthsOfTokens(); // (B)
    int[] positions = new int[lengths.length * count];
    int[] each = new int[positions.length];
    for (int i = 0; i < positions.length; i++) {
      int slot = i % count;
      int last = lengths[i / count] - 1;
      positions[i] = slot + Math.max(0, Math.floorDiv(last - slot, ring)) * ring;
      each[i] = last + 1;
    }
    NDArray[] flat = table(positions, each, manager);
    Shape shape = new Shape(lengths.length, count, -1);
    return new NDArray[] {flat[0].reshape(shape), flat[1].reshape(shape)};
  }
}
