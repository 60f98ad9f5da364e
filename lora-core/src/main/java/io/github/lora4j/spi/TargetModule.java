package io.github.lora4j.spi;

import java.util.Objects;

/**
 * One module of a model, named as its checkpoint names it.
 *
 * @param path dotted path from the root, as PyTorch's {@code named_modules()} gives it, e.g. {@code
 *     transformer.h.0.self_attention.query_key_value}; empty for the root
 * @param type the module's class as PyTorch prints it, e.g. {@code Linear}, {@code BloomBlock}
 * @param description what PyTorch prints between the parentheses of a leaf, e.g. {@code
 *     in_features=64, out_features=192, bias=True}; empty for a container
 * @param kind whether and how a low-rank pair can stand beside the module
 * @param inFeatures input width of a linear map, vocabulary of an embedding, 0 otherwise
 * @param outFeatures output width of a linear map or an embedding, 0 otherwise
 * @since 0.1.0
 */
public record TargetModule(
    String path, String type, String description, Kind kind, int inFeatures, int outFeatures) {

  /** What a module computes, as far as LoRA is concerned. */
  public enum Kind {
    /** {@code y = xWᵀ + b} with W of shape (out, in). */
    LINEAR,
    /** A linear map that feeds the output vocabulary; {@code all-linear} leaves it out. */
    OUTPUT_HEAD,
    /** A table of (vocabulary, width). */
    EMBEDDING,
    /** Anything else: containers, norms, activations. */
    OTHER
  }

  /** Checks the record. */
  public TargetModule {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(description, "description");
    Objects.requireNonNull(kind, "kind");
  }

  /**
   * A container or a leaf without a linear map.
   *
   * @param path dotted path
   * @param type class name as printed
   * @param description text between the parentheses, empty for a container
   * @return the module
   */
  public static TargetModule other(String path, String type, String description) {
    return new TargetModule(path, type, description, Kind.OTHER, 0, 0);
  }

  /**
   * A linear map.
   *
   * @param path dotted path
   * @param in input width
   * @param out output width
   * @param bias whether it adds a bias of width {@code out}
   * @return the module
   */
  public static TargetModule linear(String path, int in, int out, boolean bias) {
    return new TargetModule(path, "Linear", linearText(in, out, bias), Kind.LINEAR, in, out);
  }

  /**
   * The linear map onto the output vocabulary.
   *
   * @param path dotted path
   * @param in input width
   * @param out vocabulary
   * @param bias whether it adds a bias
   * @return the module
   */
  public static TargetModule outputHead(String path, int in, int out, boolean bias) {
    return new TargetModule(path, "Linear", linearText(in, out, bias), Kind.OUTPUT_HEAD, in, out);
  }

  /**
   * An embedding table.
   *
   * @param path dotted path
   * @param vocabulary rows
   * @param width columns
   * @return the module
   */
  public static TargetModule embedding(String path, int vocabulary, int width) {
    return new TargetModule(
        path, "Embedding", vocabulary + ", " + width, Kind.EMBEDDING, vocabulary, width);
  }

  /**
   * The last segment of the path.
   *
   * @return the module's own name, e.g. {@code query_key_value}
   */
  public String name() {
    return path.substring(path.lastIndexOf('.') + 1);
  }

  private static String linearText(int in, int out, boolean bias) {
    return "in_features=%d, out_features=%d, bias=%s".formatted(in, out, bias ? "True" : "False");
  }
}
