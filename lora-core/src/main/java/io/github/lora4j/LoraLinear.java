package io.github.lora4j;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.spi.TensorOps;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;
import java.util.zip.CRC32;

/**
 * A trainable low-rank update beside a frozen linear map: {@code y = xWᵀ + b + s·(xAᵀ)Bᵀ}.
 *
 * <ul>
 *   <li>x: (N, in) W: (out, in) A: (r, in) B: (out, r) y: (N, out)
 *   <li>s = alpha / r, or alpha / √r when {@link LoraConfig#rsLora()}
 * </ul>
 *
 * B starts at zero, so a fresh adapter changes nothing. This is the equation in the verbs of any
 * engine; an engine may fuse it, and is tested against this form.
 *
 * @param path path of the adapted module
 * @param inFeatures in
 * @param outFeatures out
 * @param rank r
 * @param alpha numerator of the scaling
 * @param scaling s
 * @param dropout probability that an element of x is dropped for the update while training
 * @see <a href="https://arxiv.org/abs/2106.09685">Hu et al. 2021, section 4.1, eq. 3</a>
 * @since 0.1.0
 */
public record LoraLinear(
    String path,
    int inFeatures,
    int outFeatures,
    int rank,
    double alpha,
    double scaling,
    double dropout) {

  /**
   * Gradients of one call.
   *
   * @param <T> the engine's tensor
   * @param input what the update adds to the gradient of x, (N, in)
   * @param a gradient of A, (r, in)
   * @param b gradient of B, (out, r)
   */
  public record Gradients<T>(T input, T a, T b) {}

  /**
   * Adds the update to the output of the frozen map. The product goes through r first, and the
   * scaling is applied where the tensor is cheapest to touch.
   *
   * @param <T> the engine's tensor
   * @param ops the engine
   * @param x input, dropped out already if it is to be, (N, in)
   * @param base output of the frozen map, (N, out)
   * @param a A
   * @param b B
   * @return y, (N, out)
   */
  public <T> T forward(TensorOps<T> ops, T x, T base, T a, T b) {
    T u = ops.matMul(x, false, a, true); // (N, r)
    return ops.addScaled(base, ops.matMul(u, false, b, true), scaling); // (N, out)
  }

  /**
   * The gradients of {@link #forward}: with g = dy B, dx = s·gA, dA = s·gᵀx, dB = s·dyᵀ(xAᵀ).
   *
   * @param <T> the engine's tensor
   * @param ops the engine
   * @param dy gradient of y, (N, out)
   * @param x the input of forward, (N, in)
   * @param a A
   * @param b B
   * @return the gradients; that of x lacks the frozen map's share dy W
   */
  public <T> Gradients<T> backward(TensorOps<T> ops, T dy, T x, T a, T b) {
    T g = ops.matMul(dy, false, b, false); // (N, r)
    T u = ops.matMul(x, false, a, true); // (N, r)
    return new Gradients<>(
        ops.scale(ops.matMul(g, false, a, false), scaling), // (N, in)
        ops.scale(ops.matMul(g, true, x, false), scaling), // (r, in)
        ops.scale(ops.matMul(dy, true, u, false), scaling)); // (out, r)
  }

  /**
   * What merging would add to W.
   *
   * @param <T> the engine's tensor
   * @param ops the engine
   * @param a A
   * @param b B
   * @return s·BA, (out, in)
   */
  public <T> T delta(TensorOps<T> ops, T a, T b) {
    return ops.scale(ops.matMul(b, false, a, false), scaling);
  }

  /**
   * Number of trained elements.
   *
   * @return r·(in + out)
   */
  public long parameters() {
    return (long) rank * (inFeatures + outFeatures);
  }

  /**
   * A as it starts. Every tensor draws from a stream of its own, so that the values do not depend
   * on the order in which modules are visited.
   *
   * @param init the initialisation
   * @param seed seed of the adapter
   * @return (r, in)
   */
  public TensorData initialA(LoraInit init, long seed) {
    SplittableRandom random = stream(seed, path + ".lora_A");
    float[] values = new float[Math.multiplyExact(rank, inFeatures)];
    double bound = 1 / Math.sqrt(inFeatures);
    for (int i = 0; i < values.length; i++) {
      values[i] =
          (float)
              (init == LoraInit.GAUSSIAN
                  ? gaussian(random) / rank
                  : random.nextDouble(-bound, bound));
    }
    return TensorData.matrix(rank, inFeatures, values);
  }

  /**
   * B as it starts.
   *
   * @param init the initialisation
   * @param seed seed of the adapter
   * @return (out, r), zero unless the initialisation is random
   */
  public TensorData initialB(LoraInit init, long seed) {
    float[] values = new float[Math.multiplyExact(outFeatures, rank)];
    if (init == LoraInit.RANDOM) {
      SplittableRandom random = stream(seed, path + ".lora_B");
      double bound = 1 / Math.sqrt(rank);
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextDouble(-bound, bound);
      }
    }
    return TensorData.matrix(outFeatures, rank, values);
  }

  static SplittableRandom stream(long seed, String name) {
    CRC32 crc = new CRC32();
    crc.update(name.getBytes(StandardCharsets.UTF_8));
    return new SplittableRandom(seed * 0x9E3779B97F4A7C15L + crc.getValue());
  }

  /**
   * Box and Muller's transform, the same on every machine: the library's own nextGaussian differs
   * between Java versions, and Math may differ from StrictMath in the last bit.
   */
  static double gaussian(SplittableRandom random) {
    double radius = Math.sqrt(-2 * StrictMath.log(1 - random.nextDouble()));
    return radius * StrictMath.cos(2 * Math.PI * random.nextDouble());
  }
}
