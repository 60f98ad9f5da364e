package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * What forward leaves for backward, last in, first out. A layer's {@code backward} takes exactly
 * what its {@code forward} kept. With {@link #off()} nothing is kept, and memory is freed as the
 * pass goes on.
 */
public final class Tape implements AutoCloseable {

  private final @Nullable NDManager manager;
  private final Deque<NDArray[]> kept = new ArrayDeque<>();

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

  void keep(NDArray... arrays) {
    if (manager != null) {
      for (NDArray array : arrays) {
        array.attach(manager);
      }
      kept.push(arrays);
    }
  }

  NDArray[] take() {
    NDArray[] arrays = kept.poll();
    if (arrays == null) {
      throw new IllegalStateException("backward was called without its forward on this tape");
    }
    return arrays;
  }

  @Override
  public void close() {
    if (manager != null) {
      manager.close();
    }
  }
}
