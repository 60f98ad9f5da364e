package io.github.lora4j;

import io.github.lora4j.spi.LoraBackend;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.spi.TensorOps;
import java.util.Map;
import java.util.Objects;

/**
 * A low-rank pair that turns the rows of a frozen matrix, and a trained length for each of them
 * (DoRA): {@code y = m/n·(xWᵀ + s·(xAᵀ)Bᵀ) + b}.
 *
 * <ul>
 *   <li>m: (out), trained, starts as n does: a fresh adapter changes nothing
 *   <li>n = ‖W + s·BA‖ of each row, (out), taken as a constant in the backward pass
 * </ul>
 *
 * The bias is not scaled. Where elements of x are dropped, with d = drop(x), the frozen map still
 * sees x, and only what DoRA changes sees d: {@code y = xWᵀ + b + m/n·(dWᵀ + s·(dAᵀ)Bᵀ) - dWᵀ}, as
 * in PEFT.
 *
 * @param pair A and B, their rank and scaling
 * @see <a href="https://arxiv.org/abs/2402.09353">Liu et al. 2024, eq. 5 and section 4.3</a>
 * @since 0.1.0
 */
public record DoraLinear(LoraLinear pair) {

  static final String SUFFIX = ".lora_magnitude_vector";

  /**
   * Gradients of one call.
   *
   * @param <T> the engine's tensor
   * @param input what the pair and the lengths add to the gradient of d, (N, in)
   * @param a gradient of A, (r, in)
   * @param b gradient of B, (out, r)
   * @param magnitude gradient of m, (out)
   */
  public record Gradients<T>(T input, T a, T b, T magnitude) {}

  /** Checks the record. */
  public DoraLinear {
    Objects.requireNonNull(pair, "pair");
  }

  static String nameOfMagnitude(LoraLinear pair) {
    return pair.path() + SUFFIX;
  }

  /** The lengths of a fresh adapter: those of the rows as its A and B leave them. */
  static TensorData initial(
      LoraLinear pair, Object base, LoraBackend backend, Map<String, TensorData> values) {
    TensorData a = Objects.requireNonNull(values.get(pair.path() + ".lora_A"));
    TensorData b = Objects.requireNonNull(values.get(pair.path() + ".lora_B"));
    return backend.rowNorms(base, AdapterKeys.pair(pair), a, b);
  }

  /**
   * The lengths that the rows would have without m.
   *
   * @param <T> the engine's tensor
   * @param ops the engine
   * @param w W, (out, in)
   * @param a A
   * @param b B
   * @return n, (out)
   */
  public <T> T norms(TensorOps<T> ops, T w, T a, T b) {
    return ops.rowNorms(ops.addScaled(w, ops.matMul(b, false, a, false), pair.scaling()));
  }

  /**
   * Changes the output of the frozen map.
   *
   * @param <T> the engine's tensor
   * @param ops the engine
   * @param d input, dropped out if it is to be, (N, in)
   * @param base xWᵀ + b, (N, out)
   * @param product dWᵀ, (N, out)
   * @param a A
   * @param b B
   * @param m lengths
   * @param n norms
   * @return y, (N, out)
   */
  public <T> T forward(TensorOps<T> ops, T d, T base, T product, T a, T b, T m, T n) {
    T v = pair.forward(ops, d, product, a, b); // (N, out)
    T changed = ops.addScaled(ops.scaleColumns(v, m, n), product, -1); // (N, out)
    return ops.addScaled(base, changed, 1); // (N, out)
  }

  /**
   * The gradients of {@link #forward}: with e = m/n·dy and v = dWᵀ + s·(dAᵀ)Bᵀ, those of A and B
   * are LoRA's for e, dm = Σ dy·v / n, and that of d is (e - dy)W + s·(eB)A.
   *
   * @param <T> the engine's tensor
   * @param ops the engine
   * @param dy gradient of y, (N, out)
   * @param d the input of forward, (N, in)
   * @param w W, (out, in)
   * @param a A
   * @param b B
   * @param m lengths
   * @param n norms
   * @return the gradients; that of x, which is dy W, comes to them
   */
  public <T> Gradients<T> backward(TensorOps<T> ops, T dy, T d, T w, T a, T b, T m, T n) {
    T e = ops.scaleColumns(dy, m, n); // (N, out)
    T v = pair.forward(ops, d, ops.matMul(d, false, w, true), a, b); // (N, out)
    LoraLinear.Gradients<T> own = pair.backward(ops, e, d, a, b);
    T excess = ops.matMul(ops.addScaled(e, dy, -1), false, w, false); // (N, in)
    return new Gradients<>(
        ops.addScaled(own.input(), excess, 1), // (N, in)
        own.a(),
        own.b(),
        ops.dividedColumnDots(dy, v, n)); // (out)
  }

  /**
   * What merging puts in the place of W.
   *
   * @param <T> the engine's tensor
   * @param ops the engine
   * @param w W, (out, in)
   * @param a A
   * @param b B
   * @param m lengths
   * @return m/n·(W + s·BA), (out, in)
   */
  public <T> T merged(TensorOps<T> ops, T w, T a, T b, T m) {
    T turned = ops.addScaled(w, pair.delta(ops, a, b), 1); // (out, in)
    return ops.scaleRows(turned, m, ops.rowNorms(turned)); // (out, in)
  }

  /**
   * Number of trained elements.
   *
   * @return r·(in + out) + out
   */
  public long parameters() {
    return pair.parameters() + pair.outFeatures();
  }
}
