package io.github.lora4j.bench.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.layer.FrozenMatrix;
import io.github.lora4j.djl.layer.LossHead;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;
import io.github.lora4j.djl.layer.TokenBatch;
import java.util.Arrays;
import java.util.List;

/** Norm, head and loss where one token in 16 carries a label, against the head's products alone. */
public class HeadLossBenchmark extends LayerBenchmark {

  private static final int LABELLED_EVERY = 16;
  private static final double EPSILON = 1e-5;

  private NDArray weight;
  private NDArray x;
  private NDArray selected;
  private NDArray dlogits;
  private LossHead head;

  @Override
  void prepare(Sizes sizes) {
    int labels = sizes.all() / LABELLED_EVERY;
    weight = array(sizes.vocabulary(), sizes.hidden());
    x = array(sizes.all(), sizes.hidden());
    selected = array(labels, sizes.hidden());
    dlogits = array(labels, sizes.vocabulary());
    Norm norm = new Norm("ln_f", vector(sizes.hidden()), vector(sizes.hidden()), EPSILON);
    head = new LossHead(norm, FrozenMatrix.of(weight), "lm_head", null);
  }

  @Override
  TokenBatch batch(List<int[]> rows) {
    List<int[]> labels = rows.stream().map(int[]::clone).toList();
    for (int[] row : labels) {
      int[] all = row.clone();
      Arrays.fill(row, TokenBatch.IGNORE);
      for (int at = LABELLED_EVERY / 2; at < row.length; at += LABELLED_EVERY) {
        row[at] = all[at];
      }
    }
    return TokenBatch.of(rows, labels);
  }

  @Override
  void layer(Pass pass, Tape tape, boolean backward) {
    head.loss(x, pass, 1.0 / pass.batch().labelCount(), backward);
  }

  @Override
  void bare(NDManager scope, boolean backward) {
    bare(scope, "product", selected, weight);
    if (backward) {
      bare(scope, "product_backward", dlogits, weight);
    }
  }
}
