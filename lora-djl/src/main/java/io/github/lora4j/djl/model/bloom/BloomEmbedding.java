package io.github.lora4j.djl.model.bloom;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.layer.Embedding;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;
import io.github.lora4j.djl.model.Entry;

/** What stands before the blocks: {@code x = norm(words(ids))}. */
record BloomEmbedding(Embedding words, Norm norm) implements Entry {

  @Override
  public NDArray forward(Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray x = words.forward(inner, tape); // (N, D)
      return inner.lift(norm.forward(x, inner, tape), pass); // (N, D)
    }
  }

  @Override
  public boolean trained(Pass pass) {
    return words.trained(pass) || norm.trained(pass);
  }

  @Override
  public void backward(NDArray dy, Pass pass, Tape tape) {
    if (!words.trained(pass)) {
      norm.accumulate(dy, pass, tape);
      return;
    }
    try (NDArray dx = norm.backward(dy, pass, tape)) { // (N, D)
      words.backward(dx, pass, tape);
    }
  }
}
