package io.github.lora4j.djl.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;

/**
 * The last norm, the frozen map onto the vocabulary, and the cross-entropy. Only positions that
 * carry a label reach the vocabulary, {@value #CHUNK} of them at a time, and their logits never
 * exist as a whole: a block of the vocabulary is scored, added to the loss and the gradient, and
 * dropped. For BLOOM's 250,880 words the full logits would dwarf the model.
 */
public final class LossHead {

  /** Rows of one sweep over the vocabulary. */
  public static final int CHUNK = 4096;

  /** Words of the vocabulary scored at a time. */
  public static final int BLOCK = 2048;

  private final Norm norm;
  private final FrozenMatrix weight;
  private final int chunk;

  /**
   * A head.
   *
   * @param norm the model's last norm
   * @param weight (V, D), tied to the embedding or not
   */
  public LossHead(Norm norm, FrozenMatrix weight) {
    this(CHUNK, norm, weight);
  }

  private LossHead(int chunk, Norm norm, FrozenMatrix weight) {
    this.chunk = chunk;
    this.norm = norm;
    this.weight = weight;
  }

  /** A head that projects so many rows at a time. */
  static LossHead inChunks(Norm norm, FrozenMatrix weight, int rows) {
    return new LossHead(rows, norm, weight);
  }

  /**
   * A loss and, if asked for, the gradient of what it was computed from.
   *
   * @param loss summed cross-entropy times the scale
   * @param gradient (N, D) in the scope of the pass, or the hidden states themselves if none was
   *     wanted or no position carries a label
   */
  public record Result(double loss, NDArray gradient) {}

  /**
   * Cross-entropy over the labelled positions of a pass.
   *
   * @param x hidden states before the last norm, (N, D)
   * @param pass the batch and its labels
   * @param scale factor of the sum, usually 1 / labels of the accumulated batch
   * @param wantGradient whether to compute the gradient of x
   * @return loss and gradient
   */
  public Result loss(NDArray x, Pass pass, double scale, boolean wantGradient) {
    try (Pass inner = pass.nested();
        Tape tape = wantGradient ? Tape.recording(inner.manager()) : Tape.off()) {
      LabelledRows labels = pass.batch().labels();
      if (pass.batch().labelCount() == 0) {
        return new Result(0, wantGradient ? zerosLike(x, inner, pass) : x);
      }
      NDArray rows = inner.manager().create(labels.rows()); // (U)
      NDArray states = inner.manager().create(labels.states()); // (M)
      NDArray targets = inner.manager().create(labels.targets()); // (M)
      NDArray weights = inner.manager().create(labels.weights(scale)); // (M)
      NDArray selected = inner.one("select_rows", x, rows); // (U, D)
      NDArray normed = norm.forward(selected, inner, tape); // (U, D)
      if (!labels.isSingle()) {
        normed = inner.one("select_rows", normed, states); // (M, D)
      }
      NDArray[] out =
          weight.call(inner, "head_loss", normed, targets, weights, chunk, BLOCK, wantGradient);
      double loss = out[0].toDoubleArray()[0];
      if (!wantGradient) {
        return new Result(loss, x);
      }
      NDArray dnormed = out[1]; // (M, D)
      if (!labels.isSingle()) {
        dnormed = inner.one("sum_rounds", dnormed, states, labels.rounds()); // (U, D)
      }
      NDArray dselected = norm.backward(dnormed, inner, tape); // (U, D)
      long n = x.getShape().get(0);
      return new Result(loss, inner.lift(inner.one("scatter_rows", dselected, rows, n), pass));
    }
  }

  private static NDArray zerosLike(NDArray x, Pass inner, Pass pass) {
    NDArray rows = inner.manager().create(new long[0], new Shape(0));
    NDArray none = inner.one("select_rows", x, rows);
    return inner.lift(inner.one("scatter_rows", none, rows, x.getShape().get(0)), pass);
  }

  /**
   * Logits in fp32 for all tokens or for the last of each sequence.
   *
   * @param x hidden states before the last norm, (N, D)
   * @param pass the batch
   * @param lastOnly whether only the last position of each sequence is wanted
   * @return (N, V) or (B, V), in the scope of the pass
   */
  public NDArray logits(NDArray x, Pass pass, boolean lastOnly) {
    NDArray normed = norm.forward(x, pass, Tape.off()); // (N, D)
    if (lastOnly && pass.batch().size() != pass.batch().rows()) {
      long[] last = Arrays.stream(pass.batch().pieces().ends()).asLongStream().toArray();
      normed = pass.one("select_rows", normed, pass.manager().create(last)); // (B, D)
    }
    return weight.call(pass, "head_logits", normed)[0];
  }
}
