package io.github.lora4j.djl.model;

import java.util.OptionalInt;

/**
 * What transformers' class of a configuration fills in about rotary positions where a file says
 * nothing, and under which keys older files say it.
 *
 * @param base of the angles
 * @param part of the numbers of a head that turn, from 0 to 1
 * @param longest {@code max_position_embeddings}, tokens
 * @param trained {@code original_max_position_embeddings}, tokens, of classes that have it
 * @param baseKey key of the base in older files
 * @param partKey key of the part in older files
 */
public record RopeDefaults(
    double base, double part, int longest, OptionalInt trained, String baseKey, String partKey) {

  /**
   * Defaults that most families share: base 10,000, whole heads turn.
   *
   * @param longest {@code max_position_embeddings}, tokens
   * @return the defaults
   */
  public static RopeDefaults upTo(int longest) {
    return new RopeDefaults(
        10_000, 1, longest, OptionalInt.empty(), "rope_theta", "partial_rotary_factor");
  }

  /**
   * The same with another base.
   *
   * @param key where older files say it
   * @param value where they do not
   * @return changed defaults
   */
  public RopeDefaults withBase(String key, double value) {
    return new RopeDefaults(value, part, longest, trained, key, partKey);
  }

  /**
   * The same with another part of a head.
   *
   * @param key where older files say it
   * @param value where they do not
   * @return changed defaults
   */
  public RopeDefaults withPart(String key, double value) {
    return new RopeDefaults(base, value, longest, trained, baseKey, key);
  }

  /**
   * The same of a class that has a length of its own for training.
   *
   * @param tokens the length
   * @return changed defaults
   */
  public RopeDefaults withTrained(int tokens) {
    return new RopeDefaults(base, part, longest, OptionalInt.of(tokens), baseKey, partKey);
  }
}
