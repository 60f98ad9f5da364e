package io.github.lora4j.djl.model.bloom;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.layer.Embedding;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;

/** What stands before the blocks: {@code x = norm(words(ids))}. */
record BloomEmbedding(Embedding words, Norm norm) {

  /** Start of the paths of both layers. */
  static final String NAME = "word_embeddings";

  NDArray forward(Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray x = words.forward(inner, tape); // (N, D)
      return inner.lift(norm.forward(x, inner, tape), pass); // (N, D)
    }
  }

  /** Adds up what is trained here. */
  void backward(NDArray dy, Pass pass, Tape tape, boolean wantWords) {
    if (!wantWords) {
      norm.accumulate(dy, pass, tape);
      return;
    }
    try (NDArray dx = norm.backward(dy, pass, tape)) { // (N, D)
      words.backward(dx, pass, tape);
    }
  }
}
