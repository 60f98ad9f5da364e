package io.github.lora4j.bench.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.lora4j.djl.layer.AlibiAttention;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Tape;

/**
 * Attention with ALiBi against the products of dense attention without a softmax; a causal kernel
 * may beat them by half.
 */
public class AttentionBenchmark extends LayerBenchmark {

  private NDArray qkv;
  private NDArray dy;
  private NDArray heads;
  private AlibiAttention attention;

  @Override
  void prepare(Sizes sizes) {
    qkv = array(sizes.all(), 3L * sizes.hidden());
    dy = array(sizes.all(), sizes.hidden());
    heads =
        array((long) sizes.rows() * sizes.heads(), sizes.tokens(), sizes.hidden() / sizes.heads());
    attention = new AlibiAttention(0, AlibiAttention.slopes(manager(), sizes.heads()), true);
  }

  @Override
  void layer(Pass pass, Tape tape, boolean backward) {
    attention.forward(lend(qkv, pass), pass, tape);
    if (backward) {
      attention.backward(dy, pass, tape);
    }
  }

  /** Two products forward; four backward. */
  @Override
  void bare(NDManager scope, boolean backward) {
    for (int pair = 0; pair < (backward ? 3 : 1); pair++) {
      bare(scope, "attention_products", heads, heads, heads);
    }
  }
}
