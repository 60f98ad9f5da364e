package io.github.lora4j.djl.model.bloom;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.layer.LossHead;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Forward and backward through the blocks. Blocks below the lowest adapted one run as in inference
 * and see no backward pass. The others either keep what their backward needs, or only their input,
 * from which they are run again; the last block is never run again, since its backward comes at
 * once.
 */
final class BloomBackward {

  private final List<BloomBlock> blocks;
  private final Norm embeddingNorm;
  private final String prefix;
  private final LossHead head;
  private final boolean recompute;
  private final NDArray[] inputs;
  private final @Nullable Tape[] tapes;

  BloomBackward(
      List<BloomBlock> blocks,
      Norm embeddingNorm,
      String prefix,
      LossHead head,
      boolean recompute) {
    this.blocks = blocks;
    this.embeddingNorm = embeddingNorm;
    this.prefix = prefix;
    this.head = head;
    this.recompute = recompute;
    this.inputs = new NDArray[blocks.size()];
    this.tapes = new Tape[blocks.size()];
  }

  double run(NDArray embedded, Pass pass, double scale) {
    boolean belowBlocks = pass.trains(prefix + "word_embeddings_layernorm.");
    int lowest = belowBlocks ? 0 : lowestAdapted(pass);
    NDArray x = forward(embedded, pass, lowest); // (N, D)
    LossHead.Result result = head.loss(x, pass, scale, true);
    x.close();
    NDArray dx = result.gradient(); // (N, D)
    for (int layer = blocks.size() - 1; layer >= lowest; layer--) {
      boolean wantInput = layer > lowest || belowBlocks;
      NDArray below = backward(layer, dx, pass, wantInput); // (N, D)
      dx.close();
      if (below == null) {
        break;
      }
      dx = below;
    }
    if (belowBlocks) {
      embeddingNorm.accumulateBias(dx, pass);
    }
    return result.loss();
  }

  private int lowestAdapted(Pass pass) {
    int lowest = 0;
    while (lowest < blocks.size() && !pass.trains(prefix + "h." + lowest + ".")) {
      lowest++;
    }
    return lowest;
  }

  private NDArray forward(NDArray embedded, Pass pass, int lowest) {
    NDArray x = embedded;
    for (int layer = 0; layer < blocks.size(); layer++) {
      boolean keepsAll = layer >= lowest && (!recompute || layer == blocks.size() - 1);
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
    BloomBlock block = blocks.get(layer);
    Tape recorded = tapes[layer];
    try (Tape tape = recorded != null ? recorded : Tape.recording(pass.manager())) {
      if (recorded == null) {
        block.forward(inputs[layer], pass, tape).close();
      }
      boolean wantNorm = pass.trains(prefix + "h." + layer + ".input_layernorm.");
      return block.backward(dy, pass, tape, wantNorm, wantInput);
    }
  }
}
