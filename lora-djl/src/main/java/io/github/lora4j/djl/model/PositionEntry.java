package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.Embedding;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.PositionTable;
import io.github.lora4j.djl.layer.Projection;
import io.github.lora4j.djl.layer.Tape;
import org.jspecify.annotations.Nullable;

/**
 * Tokens and the places they stand at: {@code x = W words(ids) + positions}.
 *
 * @param words the embedding
 * @param projection W from the width of the embedding to that of the blocks, null for none
 * @param positions a learned row for every place
 */
public record PositionEntry(
    Embedding words, @Nullable Projection projection, PositionTable positions) implements Entry {

  @Override
  public NDArray forward(Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray w = words.forward(inner, tape); // (N, E)
      NDArray x = projection == null ? w : projection.forward(w, inner, tape); // (N, D)
      Kernels.get().run("add_in_place", x, positions.forward(inner)); // (N, D)
      return inner.lift(x, pass);
    }
  }

  @Override
  public boolean trained(Pass pass) {
    return words.trained(pass) || (projection != null && projection.trained(pass));
  }

  @Override
  public void backward(NDArray dy, Pass pass, Tape tape) {
    if (projection == null) {
      words.backward(dy, pass, tape);
      return;
    }
    NDArray dw = projection.backward(dy, pass, tape, words.trained(pass)); // (N, E)
    if (dw != null) {
      words.backward(dw, pass, tape);
      dw.close();
    }
  }
}
