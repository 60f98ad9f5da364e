package io.github.lora4j.djl.model;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.Embedding;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;

/**
 * Tokens looked up, and nothing else: {@code x = scale · words(ids)}.
 *
 * @param words the embedding
 * @param scale 1, or √D in Gemma, rounded as the model computes
 */
public record TokenEntry(Embedding words, double scale) implements Entry {

  @Override
  public NDArray forward(Pass pass, Tape tape) {
    NDArray x = words.forward(pass, tape); // (N, D)
    return scaled(x);
  }

  private NDArray scaled(NDArray x) {
    if (scale != 1) {
      Kernels.get().run("scale_in_place", x, scale);
    }
    return x;
  }

  @Override
  public boolean trained(Pass pass) {
    return words.trained(pass);
  }

  @Override
  public void backward(NDArray dy, Pass pass, Tape tape) {
    words.backward(scaled(dy), pass, tape); // nobody needs dy after this
  }
}
