package io.github.lora4j;

import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import io.github.lora4j.spi.TensorData;
import java.util.SplittableRandom;

/**
 * A pair as it starts. Beside a linear map A is random and B zero; beside an embedding, whose input
 * picks columns of A, it is A that is zero and B that is normal. Either way a fresh pair changes
 * nothing.
 *
 * @param a (r, in)
 * @param b (out, r)
 */
record InitialPair(TensorData a, TensorData b) {

  static InitialPair of(LoraPlan plan, LoraLinear pair, long seed) {
    LoraInit init = plan.config().init();
    boolean embedding =
        plan.tree().modules().stream()
            .filter(module -> module.path().equals(pair.path()))
            .map(TargetModule::kind)
            .anyMatch(Kind.EMBEDDING::equals);
    if (!embedding) {
      return new InitialPair(pair.initialA(init, seed), pair.initialB(init, seed));
    }
    TensorData a =
        init == LoraInit.RANDOM
            ? normal(pair.rank(), pair.inFeatures(), seed, pair.path() + ".lora_A")
            : zeros(pair.rank(), pair.inFeatures());
    return new InitialPair(
        a, normal(pair.outFeatures(), pair.rank(), seed, pair.path() + ".lora_B"));
  }

  private static TensorData zeros(int rows, int columns) {
    return TensorData.matrix(rows, columns, new float[Math.multiplyExact(rows, columns)]);
  }

  private static TensorData normal(int rows, int columns, long seed, String name) {
    SplittableRandom random = LoraLinear.stream(seed, name);
    float[] values = new float[Math.multiplyExact(rows, columns)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) LoraLinear.gaussian(random);
    }
    return TensorData.matrix(rows, columns, values);
  }
}
