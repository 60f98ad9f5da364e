package io.github.lora4j.bench.kernels;

/**
 * Sizes of a model and of a batch of it.
 *
 * @param rows sequences, B
 * @param tokens of each, T
 * @param hidden D
 * @param heads H
 * @param vocabulary V
 */
record Sizes(int rows, int tokens, int hidden, int heads, int vocabulary) {

  static Sizes of(String name) {
    return switch (name) {
      case "bloom-560m" -> new Sizes(4, 512, 1024, 16, 250_880);
      case "tiny" -> new Sizes(2, 8, 32, 4, 64);
      default ->
          throw new IllegalArgumentException(
              "shape must be bloom-560m or tiny, got '%s'".formatted(name));
    };
  }

  /** Tokens in all, N. */
  int all() {
    return rows * tokens;
  }
}
