package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import io.github.lora4j.djl.internal.NativeHeap;
import io.github.lora4j.djl.internal.NativeHeap.Apart;
import io.github.lora4j.djl.layer.LossHead;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Forward and backward through the blocks. Blocks below the lowest adapted one run as in inference
 * and see no backward pass. Of the others the last ones keep what their backward needs, and the
 * lower ones only their input, from which they are run again: the memory of those above, whose
 * backward comes first, is free by then.
 */
final class StackBackward {

  /** About what one block's forward makes for each number of its input, bytes. */
  private static final long FORWARD_BYTES = 32;

  /** Blocks that make less leave little behind that is worth a call, bytes. */
  private static final long TRIM_ABOVE = 4L << 20;

  private final List<? extends Block> blocks;
  private final Entry entry;
  private final LossHead head;
  private final int keptLayers;
  private final NDArray[] inputs;
  private final @Nullable Tape[] tapes;

  StackBackward(Stack stack, int keptLayers) {
    this.blocks = stack.blocks();
    this.entry = stack.entry();
    this.head = stack.head();
    this.keptLayers = keptLayers;
    this.inputs = new NDArray[blocks.size()];
    this.tapes = new Tape[blocks.size()];
  }

  double run(Pass pass, double scale) {
    boolean belowBlocks = entry.trained(pass);
    try (Tape tape = belowBlocks ? Tape.recording(pass.manager()) : Tape.off()) {
      NDArray embedded = entry.forward(pass, tape); // (N, D)
      return run(embedded, belowBlocks, tape, pass, scale);
    }
  }

  private double run(NDArray embedded, boolean belowBlocks, Tape below, Pass pass, double scale) {
    int lowest = belowBlocks ? 0 : lowestAdapted(pass);
    boolean tidies = leavesMuchBehind(embedded, pass);
    if (tidies) {
      NativeHeap.keepLargeArraysApart(apart(embedded));
    }
    NDArray x = forward(embedded, pass, lowest); // (N, D)
    trim(tidies);
    LossHead.Result result = head.loss(x, pass, scale, true);
    x.close();
    trim(tidies);
    NDArray dx = result.gradient(); // (N, D)
    for (int layer = blocks.size() - 1; layer >= lowest; layer--) {
      boolean wantInput = layer > lowest || belowBlocks;
      NDArray lower = backward(layer, dx, pass, wantInput); // (N, D)
      dx.close();
      if (lower == null) {
        break;
      }
      dx = lower;
    }
    if (belowBlocks) {
      entry.backward(dx, pass, below);
    }
    return result.loss();
  }

  /** In fp32 products take long and arrays are large: touching fewer pages gains less. */
  private Apart apart(NDArray embedded) {
    if (embedded.getDataType() != DataType.FLOAT32) {
      return Apart.FROM_64_MIB;
    }
    return keptLayers < blocks.size() ? Apart.FROM_6_MIB : Apart.FROM_32_MIB;
  }

  /** Whether freed arrays of this pass would take much of the C library's heap. */
  private static boolean leavesMuchBehind(NDArray embedded, Pass pass) {
    boolean large = embedded.getShape().size() * FORWARD_BYTES > TRIM_ABOVE;
    return large && !pass.manager().getDevice().isGpu();
  }

  /** Between forward, head and backward, which use memory in pieces of other sizes. */
  private static void trim(boolean tidies) {
    if (tidies) {
      NativeHeap.trim();
    }
  }

  private int lowestAdapted(Pass pass) {
    int lowest = 0;
    while (lowest < blocks.size() && !pass.trains(blocks.get(lowest).path())) {
      lowest++;
    }
    return lowest;
  }

  private NDArray forward(NDArray embedded, Pass pass, int lowest) {
    NDArray x = embedded;
    for (int layer = 0; layer < blocks.size(); layer++) {
      boolean keepsAll = layer >= lowest && layer >= blocks.size() - keptLayers;
      Tape tape = keepsAll ? Tape.recording(pass.manager()) : Tape.off();
      NDArray y = blocks.get(layer).forward(x, pass, tape); // (N, D)
      if (keepsAll) {
        tapes[layer] = tape;
      } else if (layer >= lowest) {
        inputs[layer] = x;
      } else {
        x.close();
      }
      x = y;
    }
    return x;
  }

  private @Nullable NDArray backward(int layer, NDArray dy, Pass pass, boolean wantInput) {
    Block block = blocks.get(layer);
    Tape recorded = tapes[layer];
    try (Tape tape = recorded != null ? recorded : Tape.recording(pass.manager())) {
      if (recorded == null) {
        block.replay(inputs[layer], pass, tape);
      }
      return block.backward(dy, pass, tape, wantInput);
    }
  }
}
