package io.github.lora4j.djl.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The kernels themselves need a GPU; what is done around them does not. */
final class FusedAttentionTest {

  private static final int HEADS = 2;
  private static final int TOKENS = 700;
  private static final int WIDTH = 8;

  @Test
  void cpuIsServed() {
    assertThat(FusedAttention.serves(Device.cpu(), ScalarType.FP32)).isTrue();
  }

  @Test
  void operatorsOfCudaAreKnownWithoutAGpu() {
    assertThat(Kernels.get().test("cuda_attention_present")).isTrue();
  }

  @Test
  void kernelsLoadWithoutTheOperatorsOfCuda() throws IOException {
    Kernels kernels = Kernels.compile(KernelArchive.sources(true, false));

    assertThat(kernels.test("cuda_attention_present")).isFalse();
    assertThat(kernels.test("cuda_attention_agrees", "cpu", 6)).isFalse();
  }

  /** Biases up to 350 have to survive bf16, which alone rounds them to whole numbers and worse. */
  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {"FP32", "FP16", "BF16"})
  void biasFoldedIntoTheWidthOfHeadsIsTheBiasOfScores(ScalarType type) {
    try (NDManager manager = Engines.newManager(Device.cpu())) {
      NDArray q = normal(manager, 1, type);
      NDArray k = normal(manager, 2, type);
      NDArray slopes = manager.create(new float[] {0.5f, 0.0327f});
      Kernels kernels = Kernels.get();
      NDArray bias = kernels.one(manager, "alibi_bias", slopes, TOKENS); // (1, H, 1, T)
      NDArray nothing = bias.zerosLike();
      double scale = 1 / Math.sqrt(WIDTH);
      double widened = 1 / Math.sqrt(WIDTH + 8);

      NDArray expected = kernels.one(manager, "scores_of", q, k, bias, false); // (1, H, T, T)
      NDArray folded =
          kernels.one(
              manager,
              "scores_of",
              kernels.one(manager, "convert", kernels.one(manager, "folded_queries", q), 6),
              kernels.one(
                  manager, "convert", kernels.one(manager, "folded_keys", k, bias, scale), 6),
              nothing,
              false);

      float[] actual = folded.mul(scale / widened).toFloatArray();
      float[] wanted = expected.toFloatArray();
      double rounding =
          type == ScalarType.FP32 ? 1e-4 : 2e-2; // of q kᵀ, which the plain path rounds
      for (int i = 0; i < wanted.length; i++) {
        assertThat(actual[i]).isCloseTo(wanted[i], within((float) rounding));
      }
    }
  }

  private static NDArray normal(NDManager manager, long seed, ScalarType type) {
    Random random = new Random(seed);
    float[] values = new float[HEADS * TOKENS * WIDTH];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() / 2;
    }
    NDArray array = manager.create(values).reshape(1, HEADS, TOKENS, WIDTH);
    return Kernels.get().one(manager, "convert", array, type.code());
  }
}
