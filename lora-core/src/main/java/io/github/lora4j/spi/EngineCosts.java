package io.github.lora4j.spi;

/**
 * What an engine adds to the memory of a training step besides what the model's shape decides.
 *
 * @param headRows labelled rows that the vocabulary is swept for at a time
 * @param headWords words of the vocabulary that are scored at a time
 * @param convertedElements most of a matrix, in elements, that is converted at a time where weights
 *     are stored in another type than they are computed with
 * @param runtimeBytes what the process holds without any model: the virtual machine, the engine's
 *     own code and data, and what its allocator keeps in reserve, bytes
 * @since 0.1.0
 */
public record EngineCosts(int headRows, int headWords, long convertedElements, long runtimeBytes) {

  /** Checks that nothing is negative. */
  public EngineCosts {
    if (headRows < 0 || headWords < 0 || convertedElements < 0 || runtimeBytes < 0) {
      throw new IllegalArgumentException(
          "engine costs must not be negative, got %d, %d, %d, %d"
              .formatted(headRows, headWords, convertedElements, runtimeBytes));
    }
  }
}
