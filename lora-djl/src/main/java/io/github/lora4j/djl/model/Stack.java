package io.github.lora4j.djl.model;

import io.github.lora4j.djl.layer.LossHead;
import java.util.Collections;
import java.util.List;

/**
 * The layers of a model.
 *
 * @param entry what stands before the blocks
 * @param blocks in their order
 * @param head what stands behind them
 * @param cache what generation keeps of attention
 */
public record Stack(Entry entry, List<? extends Block> blocks, LossHead head, CacheForm cache) {

  /** Copies the list. */
  public Stack {
    blocks = List.copyOf(blocks);
  }

  /**
   * The form of a cache of keys and values.
   *
   * @param windows for each attention layer, tokens that it sees; 0 for all
   * @param heads heads of keys and values
   * @param width numbers of a head
   */
  public record CacheForm(List<Integer> windows, int heads, int width) {

    /** Copies the list. */
    public CacheForm {
      windows = List.copyOf(windows);
    }

    /**
     * The same for all layers.
     *
     * @param layers how many
     * @param window tokens that each sees; 0 for all
     * @param heads heads of keys and values
     * @param width numbers of a head
     */
    public CacheForm(int layers, int window, int heads, int width) {
      this(Collections.nCopies(layers, window), heads, width);
    }
  }
}
