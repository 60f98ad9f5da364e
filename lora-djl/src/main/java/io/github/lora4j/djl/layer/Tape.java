package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What forward leaves for backward, last in, first out. A layer's {@code backward} takes exactly
 * what its {@code forward} kept, and gives it back when it is done. An array that is cheap to make
 * from others on the tape is not kept: its {@link Recipe} is. With {@link #off()} nothing is kept,
 * and memory is freed as the pass goes on.
 */
public final class Tape implements AutoCloseable {

  /** Makes an array again, bit for bit, from what stays on the tape at least as long. */
  @FunctionalInterface
  interface Recipe {
    NDArray make(Pass pass);
  }

  private final @Nullable NDManager manager;
  private final Deque<NDArray[]> kept = new ArrayDeque<>();
  // By identity: what DJL calls equal is compared by content.
  private final IdentityHashMap<NDArray, Integer> uses = new IdentityHashMap<>();
  private final IdentityHashMap<NDArray, Recipe> recipes = new IdentityHashMap<>();

  private Tape(@Nullable NDManager manager) {
    this.manager = manager;
  }

  /**
   * A tape that keeps.
   *
   * @param parent whose memory it uses at most as long
   * @return an empty tape, to be closed
   */
  public static Tape recording(NDManager parent) {
    return new Tape(parent.newSubManager());
  }

  /**
   * A tape that keeps nothing.
   *
   * @return for inference
   */
  public static Tape off() {
    return new Tape(null);
  }

  /** Whether anything given to this tape is kept. */
  boolean keeps() {
    return manager != null;
  }

  void keep(NDArray... arrays) {
    if (manager != null) {
      for (NDArray array : arrays) {
        if (!recipes.containsKey(array)) {
          array.attach(manager);
          uses.merge(array, 1, Integer::sum);
        }
      }
      kept.push(arrays);
    }
  }

  /** Has the recipe kept wherever the array would be; from what was kept before. */
  void remake(NDArray array, Recipe recipe) {
    if (manager != null) {
      recipes.put(array, recipe);
    }
  }

  /**
   * Gives an array back unless it is kept: for whoever has used it for the last time.
   *
   * @param array made by this pass
   */
  public void free(NDArray array) {
    if (!uses.containsKey(array)) {
      array.close();
    }
  }

  Kept take() {
    NDArray[] arrays = kept.poll();
    if (arrays == null) {
      throw new IllegalStateException("backward was called without its forward on this tape");
    }
    return new Kept(arrays);
  }

  /** What one forward kept; closing it gives back what no other one still keeps. */
  final class Kept implements AutoCloseable {

    private final NDArray[] arrays;
    private final List<NDArray> made = new ArrayList<>();

    private Kept(NDArray[] arrays) {
      this.arrays = arrays;
    }

    /** An array in the order of keeping, made in the pass if only its recipe was kept. */
    NDArray get(int index, Pass pass) {
      Recipe recipe = recipes.get(arrays[index]);
      if (recipe == null) {
        return arrays[index];
      }
      NDArray again = recipe.make(pass);
      made.add(again);
      return again;
    }

    @Override
    public void close() {
      made.forEach(NDArray::close);
      for (NDArray array : arrays) {
        release(array);
      }
    }
  }

  private void release(NDArray array) {
    Integer left = uses.get(array);
    if (left == null) {
      return; // only its recipe was kept
    }
    if (left > 1) {
      uses.put(array, left - 1);
    } else {
      uses.remove(array);
      array.close();
    }
  }

  @Override
  public void close() {
    if (manager != null) {
      manager.close();
    }
  }
}
