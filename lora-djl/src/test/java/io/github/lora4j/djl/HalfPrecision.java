package io.github.lora4j.djl;

import io.github.lora4j.djl.internal.Arithmetic;
import io.github.lora4j.djl.internal.ScalarType;
import java.io.IOException;
import java.nio.file.Path;

/** A base whose layers compute in fp16 on the CPU, as the public door allows on a GPU only. */
public final class HalfPrecision {

  private HalfPrecision() {}

  /**
   * Loads a small checkpoint.
   *
   * @param directory a Hugging Face model directory
   * @return the base, to be closed by the caller
   */
  public static CausalLm load(Path directory) throws IOException {
    return BloomGolden.load(directory, new Arithmetic(ScalarType.FP16, ScalarType.FP16));
  }
}
