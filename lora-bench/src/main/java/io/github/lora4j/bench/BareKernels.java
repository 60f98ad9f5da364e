package io.github.lora4j.bench;

import io.github.lora4j.djl.internal.Kernels;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/** The kernels of {@code bare.py}: operations without a layer around them. */
public final class BareKernels {

  private BareKernels() {}

  /**
   * Compiles them.
   *
   * @return the kernels
   * @throws IOException if their source cannot be read
   */
  public static Kernels load() throws IOException {
    try (InputStream in = BareKernels.class.getResourceAsStream("bare.py")) {
      byte[] source = Objects.requireNonNull(in, "bare.py is not on the class path").readAllBytes();
      return Kernels.compile(new String(source, StandardCharsets.UTF_8));
    }
  }
}
