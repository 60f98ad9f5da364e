package io.github.lora4j.spi;

/**
 * What an engine adds to the memory of a training step besides what the model's shape decides.
 *
 * @param headChunkBytes most that logits and their copies take at a time, bytes
 * @param runtimeBytes what the process holds without any model: the virtual machine, the engine's
 *     own code and data, and what its allocator keeps in reserve, bytes
 * @since 0.1.0
 */
public record EngineCosts(long headChunkBytes, long runtimeBytes) {

  /** Checks that nothing is negative. */
  public EngineCosts {
    if (headChunkBytes < 0 || runtimeBytes < 0) {
      throw new IllegalArgumentException(
          "engine costs must not be negative, got %d and %d"
              .formatted(headChunkBytes, runtimeBytes));
    }
  }
}
