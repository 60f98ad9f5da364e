package io.github.lora4j.djl.model.bloom;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.AlibiAttention;
import io.github.lora4j.djl.layer.Mlp;
import io.github.lora4j.djl.layer.Norm;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.Projection;
import io.github.lora4j.djl.layer.Tape;
import org.jspecify.annotations.Nullable;

/**
 * One block of BLOOM, pre-norm: {@code m = x + dense(attend(qkv(norm₁ x)))}, {@code y = m +
 * mlp(norm₂ m)}.
 */
record BloomBlock(
    Norm inputNorm,
    Projection queryKeyValue,
    AlibiAttention attention,
    Projection dense,
    Norm postNorm,
    Mlp mlp) {

  NDArray forward(NDArray x, Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray m = attend(x, inner, tape); // (N, D)
      NDArray n = postNorm.forward(m, inner, tape); // (N, D)
      NDArray y = mlp.forward(n, inner, tape); // (N, D)
      tape.free(n);
      return inner.lift(add(y, m), pass); // (N, D)
    }
  }

  /** Keeps what forward keeps; the last product, which backward does not need, is not computed. */
  void replay(NDArray x, Pass pass, Tape tape) {
    try (Pass inner = pass.nested()) {
      NDArray m = attend(x, inner, tape); // (N, D)
      NDArray n = postNorm.forward(m, inner, tape); // (N, D)
      mlp.replay(n, inner, tape);
    }
  }

  private NDArray attend(NDArray x, Pass pass, Tape tape) {
    NDArray n = inputNorm.forward(x, pass, tape); // (N, D)
    NDArray qkv = queryKeyValue.forward(n, pass, tape); // (N, 3D)
    tape.free(n);
    NDArray a = attention.forward(qkv, pass, tape); // (N, D)
    tape.free(qkv);
    NDArray m = dense.forward(a, pass, tape); // (N, D)
    tape.free(a);
    return add(m, x); // (N, D), in place: nobody kept dense's output
  }

  /**
   * Mirrors forward from its last line to its first, and frees as it goes. Returns (N, D), or null
   * if not wanted.
   */
  @Nullable NDArray backward(
      NDArray dy, Pass pass, Tape tape, boolean wantNorm, boolean wantInput) {
    try (Pass inner = pass.nested()) {
      NDArray dn2 = mlp.backward(dy, inner, tape); // (N, D)
      NDArray dm = postNorm.backward(dn2, inner, tape); // (N, D)
      dn2.close();
      dm = add(dm, dy); // (N, D)
      NDArray da = require(dense.backward(dm, inner, tape, true)); // (N, D)
      NDArray dqkv = attention.backward(da, inner, tape); // (N, 3D)
      da.close();
      NDArray dn = queryKeyValue.backward(dqkv, inner, tape, wantNorm || wantInput); // (N, D)
      dqkv.close();
      if (!wantInput) {
        if (wantNorm) {
          inputNorm.accumulate(require(dn), inner, tape);
        }
        return null;
      }
      NDArray dx = inputNorm.backward(require(dn), inner, tape); // (N, D)
      return inner.lift(add(dx, dm), pass); // (N, D)
    }
  }

  private static NDArray add(NDArray target, NDArray other) {
    Kernels.get().run("add_in_place", target, other);
    return target;
  }

  private static NDArray require(@Nullable NDArray gradient) {
    if (gradient == null) {
      throw new IllegalStateException("a gradient was asked for and not computed");
    }
    return gradient;
  }
}
