package io.github.lora4j.djl.model;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.layer.RotaryFrequencies;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The rotary positions of a configuration. Both ways of writing them are read: {@code
 * rope_parameters} of newer files, and {@code rope_theta} beside {@code rope_scaling} of older
 * ones.
 *
 * @param frequencies radians a token
 * @param width numbers of each head that turn, R
 */
public record RopeSettings(RotaryFrequencies frequencies, int width) {

  private static final List<String> TYPES =
      List.of("default", "linear", "dynamic", "llama3", "yarn", "longrope");

  /**
   * Reads the settings that all layers share.
   *
   * @param json a configuration
   * @param headWidth numbers of a head, d
   * @param base of the angles where the file says none
   * @return the settings
   * @throws LoraException if a scaling is not known or lacks a number
   */
  public static RopeSettings of(Json json, int headWidth, double base) {
    Json parameters = json.object("rope_parameters").orElse(json);
    return of(json, parameters, json.object("rope_scaling"), headWidth, base);
  }

  /**
   * Reads the settings of one kind of layers.
   *
   * @param json a configuration
   * @param layerType e.g. {@code full_attention}
   * @param oldBase key of the base in older files
   * @param scaled whether {@code rope_scaling} of older files is meant for these layers
   * @param headWidth numbers of a head, d
   * @param base of the angles where the file says none
   * @return the settings
   * @throws LoraException if a scaling is not known or lacks a number
   */
  public static RopeSettings of(
      Json json, String layerType, String oldBase, boolean scaled, int headWidth, double base) {
    Optional<Json> own = json.object("rope_parameters").flatMap(p -> p.object(layerType));
    double fallback = json.number(oldBase).orElse(base);
    return own.map(parameters -> of(json, parameters, Optional.empty(), headWidth, base))
        .orElseGet(
            () ->
                scaled
                    ? of(json, json, json.object("rope_scaling"), headWidth, fallback)
                    : plain(fallback, headWidth));
  }

  private static RopeSettings plain(double base, int width) {
    return new RopeSettings(RotaryFrequencies.plain(base, width), width);
  }

  private static RopeSettings of(
      Json json, Json parameters, Optional<Json> scaling, int headWidth, double base) {
    double theta =
        first(parameters, "rope_theta").orElse(first(json, "rotary_emb_base").orElse(base));
    double part =
        first(parameters, "partial_rotary_factor")
            .orElse(
                first(json, "partial_rotary_factor").orElse(first(json, "rotary_pct").orElse(1)));
    int width = (int) (headWidth * part);
    Json scaled = scaling.orElse(parameters);
    String type = scaled.text("rope_type").or(() -> scaled.text("type")).orElse("default");
    try {
      return new RopeSettings(frequencies(json, scaled, type, theta, width), width);
    } catch (IllegalArgumentException e) {
      throw new LoraException(scaled + ": " + e.getMessage(), e);
    }
  }

  private static RotaryFrequencies frequencies(
      Json json, Json scaled, String type, double theta, int width) {
    int longest = json.whole("max_position_embeddings").orElse(2048);
    int trained =
        scaled
            .whole("original_max_position_embeddings")
            .orElse(json.whole("original_max_position_embeddings").orElse(longest));
    return switch (type) {
      case "default" -> RotaryFrequencies.plain(theta, width);
      case "linear" -> RotaryFrequencies.linear(theta, width, require(scaled, "factor"));
      case "dynamic" -> RotaryFrequencies.dynamic(theta, width, require(scaled, "factor"), longest);
      case "llama3" ->
          RotaryFrequencies.llama3(
              theta,
              width,
              require(scaled, "factor"),
              require(scaled, "low_freq_factor"),
              require(scaled, "high_freq_factor"),
              trained);
      case "yarn" -> yarn(scaled, theta, width, longest, trained);
      case "longrope", "su" -> longRope(scaled, theta, width, longest, trained);
      default ->
          throw new LoraException(
              "%s: rope type '%s' is not supported; supported: %s".formatted(scaled, type, TYPES));
    };
  }

  private static RotaryFrequencies yarn(
      Json scaled, double theta, int width, int longest, int trained) {
    double factor = first(scaled, "factor").orElse((double) longest / trained);
    double magnitude = first(scaled, "mscale").orElse(0);
    double everywhere = first(scaled, "mscale_all_dim").orElse(0);
    double attention =
        magnitude != 0 && everywhere != 0
            ? stretch(factor, magnitude) / stretch(factor, everywhere)
            : stretch(factor, 1);
    return RotaryFrequencies.yarn(
        theta,
        width,
        factor,
        first(scaled, "beta_fast").orElse(32),
        first(scaled, "beta_slow").orElse(1),
        scaled.flag("truncate").orElse(true),
        trained,
        first(scaled, "attention_factor").orElse(attention));
  }

  /** Peng et al. 2023, equation 22. */
  private static double stretch(double factor, double magnitude) {
    return factor <= 1 ? 1 : 0.1 * magnitude * Math.log(factor) + 1;
  }

  private static RotaryFrequencies longRope(
      Json scaled, double theta, int width, int longest, int trained) {
    double factor = first(scaled, "factor").orElse((double) longest / trained);
    double attention = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trained));
    return RotaryFrequencies.longRope(
        theta,
        width,
        scaled.numbers("short_factor"),
        scaled.numbers("long_factor"),
        trained,
        first(scaled, "attention_factor").orElse(attention));
  }

  private static OptionalDouble first(Json json, String key) {
    return json.number(key);
  }

  private static double require(Json json, String key) {
    return json.number(key)
        .orElseThrow(() -> new LoraException("%s: %s is missing".formatted(json, key)));
  }
}
