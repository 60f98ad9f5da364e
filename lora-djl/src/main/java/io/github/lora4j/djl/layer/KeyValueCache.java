package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Keys and values of the tokens already seen, per layer (B, H, capacity, D/H), written in place;
 * layers with a window hold as many as it has, (B, H, window, D/H), in a ring. Rows may stand at
 * different positions. It also owns what is made once for a run of steps on the same rows: their
 * adapters, laid out for one token a row. Not thread-safe: one generation owns it.
 */
public final class KeyValueCache implements AutoCloseable {

  private final NDManager manager;
  private final int[] windows;
  private final NDArray[] keys;
  private final NDArray[] values;
  private int[] lengths;
  private int capacity;
  private List<AdapterSegment> segments = List.of();
  private @Nullable GatheredAdapters adapters;

  /**
   * Allocates a cache for a number of tokens.
   *
   * @param parent manager of the model
   * @param type type that the layers compute in
   * @param layers number of attention layers
   * @param rows sequences, B
   * @param heads heads of keys and values, H
   * @param width width of a head
   * @param capacity tokens that a row can hold
   */
  public KeyValueCache(
      NDManager parent, ScalarType type, int layers, int rows, int heads, int width, int capacity) {
    this(parent, type, new int[layers], rows, heads, width, capacity);
  }

  /**
   * Allocates a cache some of whose layers see no further than a window: they hold the last so many
   * tokens of a row, in a ring.
   *
   * @param parent manager of the model
   * @param type type that the layers compute in
   * @param windows for each attention layer, tokens that it sees; 0 for all
   * @param rows sequences, B
   * @param heads heads of keys and values, H
   * @param width width of a head
   * @param capacity tokens that a row can hold
   */
  public KeyValueCache(
      NDManager parent,
      ScalarType type,
      int[] windows,
      int rows,
      int heads,
      int width,
      int capacity) {
    int layers = windows.length;
    this.windows = windows.clone();
    this.manager = parent.newSubManager();
    this.keys = new NDArray[layers];
    this.values = new NDArray[layers];
    this.lengths = new int[rows];
    this.capacity = capacity;
    String device = Kernels.deviceName(manager.getDevice());
    for (int layer = 0; layer < layers; layer++) {
      long[] shape = {rows, heads, slots(layer, capacity), width};
      keys[layer] = Kernels.get().one(manager, "zeros", shape, device, type.code());
      values[layer] = Kernels.get().one(manager, "zeros", shape, device, type.code());
    }
  }

  private int slots(int layer, int tokens) {
    return windows[layer] == 0 ? tokens : Math.min(windows[layer], tokens);
  }

  /**
   * Rows of the batch.
   *
   * @return B
   */
  public int rows() {
    return lengths.length;
  }

  /**
   * Tokens that a row can hold.
   *
   * @return given at the start or to {@link #grow}
   */
  public int capacity() {
    return capacity;
  }

  /**
   * Tokens that every row holds.
   *
   * @return (B), a copy
   */
  public int[] lengths() {
    return lengths.clone();
  }

  boolean isEmpty() {
    return Arrays.stream(lengths).allMatch(length -> length == 0);
  }

  /** Whether whole prompts fill it, or one token a row goes behind what is there. */
  void checkTakes(TokenBatch batch) {
    if (batch.rows() != rows()) {
      throw new IllegalArgumentException(
          "the cache has %d rows, the batch %d".formatted(rows(), batch.rows()));
    }
    if (batch.isShared()) {
      throw new IllegalArgumentException(
          "a cache keeps every sequence whole; give it the unshared batch");
    }
    for (int row = 0; row < lengths.length; row++) {
      int added = batch.lengths()[row];
      if (!isEmpty() && added != 1) {
        throw new IllegalArgumentException(
            "a filled cache takes one token a row, row %d brings %d".formatted(row, added));
      }
      if (lengths[row] + added > capacity) {
        throw new IllegalArgumentException(
            "row %d would hold %d tokens, the cache has room for %d"
                .formatted(row, lengths[row] + added, capacity));
      }
    }
  }

  NDArray keys(int layer) {
    return keys[layer];
  }

  NDArray values(int layer) {
    return values[layer];
  }

  /** The rows' adapters, laid out anew when the rows or their adapters are not the last step's. */
  GatheredAdapters gathered(List<AdapterSegment> wanted) {
    if (adapters == null || !segments.equals(wanted)) {
      dropAdapters();
      adapters = new GatheredAdapters(manager, wanted, rows());
      segments = List.copyOf(wanted);
    }
    return adapters;
  }

  private void dropAdapters() {
    if (adapters != null) {
      adapters.close();
      adapters = null;
    }
  }

  /**
   * Counts the tokens of a finished pass.
   *
   * @param added tokens per row
   */
  public void advance(int[] added) {
    for (int row = 0; row < lengths.length; row++) {
      lengths[row] += added[row];
    }
  }

  /**
   * Lets rows go and gives their memory back.
   *
   * @param rows indices of the rows that stay, rising
   */
  public void keep(int[] rows) {
    keep(rows, capacity);
  }

  /**
   * Lets rows go and fits the room of those that stay.
   *
   * @param rows indices of the rows that stay, rising
   * @param tokens that a row shall hold from now on, at least as many as the longest that stays
   *     does
   */
  public void keep(int[] rows, int tokens) {
    int[] kept = lengths(rows);
    checkRoom(kept, tokens);
    copy(rows, tokens);
    lengths = kept;
    capacity = tokens;
    dropAdapters();
  }

  /**
   * Makes room for more tokens.
   *
   * @param tokens that a row shall hold, at least as many as now
   */
  public void grow(int tokens) {
    copy(IntStream.range(0, lengths.length).toArray(), tokens);
    capacity = tokens;
  }

  /**
   * Lets some rows go and takes rows of another cache in behind those that stay, all in one copy.
   * If it throws, both caches are spoilt and can only be closed.
   *
   * @param rows indices of the rows that stay, rising, or none
   * @param other a cache of the same model; its memory is given back, the caller closes it
   * @param others rows of the other one that come in, or none
   * @param tokens that a row shall hold from now on, at least as many as the longest of all does
   */
  public void join(int[] rows, KeyValueCache other, int[] others, int tokens) {
    int[] mine = lengths(rows);
    int[] theirs = other.lengths(others);
    int[] all = IntStream.concat(Arrays.stream(mine), Arrays.stream(theirs)).toArray();
    checkRoom(all, tokens);
    try (NDArray stay = manager.create(longs(rows));
        NDArray come = manager.create(longs(others))) {
      for (int layer = 0; layer < keys.length; layer++) {
        int held = slots(layer, longest(mine));
        int brought = slots(layer, longest(theirs));
        int room = slots(layer, tokens);
        keys[layer] = join(keys[layer], stay, held, other.keys[layer], come, brought, room);
        values[layer] = join(values[layer], stay, held, other.values[layer], come, brought, room);
      }
    }
    lengths = all;
    capacity = tokens;
    dropAdapters();
  }

  private NDArray join(
      NDArray mine, NDArray stay, int used, NDArray theirs, NDArray come, int brought, int tokens) {
    NDArray joined =
        Kernels.get().one(manager, "cache_join", mine, stay, used, theirs, come, brought, tokens);
    mine.close();
    theirs.close();
    return joined; // (B', H, tokens, D/H)
  }

  private int[] lengths(int[] rows) {
    return Arrays.stream(rows).map(row -> lengths[row]).toArray();
  }

  private static int longest(int[] lengths) {
    return Arrays.stream(lengths).max().orElse(0);
  }

  private static long[] longs(int[] rows) {
    return Arrays.stream(rows).asLongStream().toArray();
  }

  private static void checkRoom(int[] lengths, int tokens) {
    if (longest(lengths) > tokens) {
      throw new IllegalArgumentException(
          "a row holds %d tokens, room for %d was asked for".formatted(longest(lengths), tokens));
    }
  }

  /** One layer at a time, so that hardly more than the larger of both is held at once. */
  private void copy(int[] rows, int tokens) {
    int used = longest(lengths(rows));
    try (NDArray index = manager.create(longs(rows))) {
      for (int layer = 0; layer < keys.length; layer++) {
        int held = slots(layer, used);
        keys[layer] = copy(keys[layer], index, held, slots(layer, tokens));
        values[layer] = copy(values[layer], index, held, slots(layer, tokens));
      }
    }
  }

  private NDArray copy(NDArray old, NDArray rows, int used, int tokens) {
    NDArray copy = Kernels.get().one(manager, "cache_copy", old, rows, used, tokens);
    old.close();
    return copy; // (B', H, tokens, D/H)
  }

  @Override
  public void close() {
    manager.close();
  }
}
