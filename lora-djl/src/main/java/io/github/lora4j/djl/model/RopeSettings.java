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
   * Reads the settings that all layers share. As in transformers, {@code rope_scaling} wins where a
   * file has both.
   *
   * @param json a configuration
   * @param headWidth numbers of a head, d
   * @param defaults what the file may leave out
   * @return the settings
   * @throws LoraException if a scaling is not known or lacks a number
   */
  public static RopeSettings of(Json json, int headWidth, RopeDefaults defaults) {
    return whole(partial(json, headWidth, defaults), json, headWidth);
  }

  /**
   * As {@link #of(Json, int, RopeDefaults)}, for models whose heads may turn in part.
   *
   * @param json a configuration
   * @param headWidth numbers of a head, d
   * @param defaults what the file may leave out
   * @return the settings
   * @throws LoraException if a scaling is not known or lacks a number
   */
  public static RopeSettings partial(Json json, int headWidth, RopeDefaults defaults) {
    Optional<Json> parameters = parameters(json);
    if (parameters.map(RopeSettings::isByLayer).orElse(false)) {
      throw new LoraException(
          json + ": rope_parameters differ by type of layer; only one for all is supported");
    }
    return of(json, parameters, headWidth, defaults);
  }

  /** As transformers chooses where a file has both. */
  private static Optional<Json> parameters(Json json) {
    return json.object("rope_scaling").or(() -> json.object("rope_parameters"));
  }

  private static boolean isByLayer(Json parameters) {
    return parameters.object("full_attention").isPresent()
        || parameters.object("sliding_attention").isPresent();
  }

  private static RopeSettings whole(RopeSettings settings, Json json, int headWidth) {
    if (settings.width != headWidth) {
      throw new LoraException(
          "%s: partial_rotary_factor turns %d of %d numbers of a head; only all are supported"
              .formatted(json, settings.width, headWidth));
    }
    return settings;
  }

  /**
   * The scaling that a configuration asks for.
   *
   * @param json a configuration
   * @return e.g. {@code yarn}; {@code default} for none
   */
  public static String type(Json json) {
    return parameters(json).map(RopeSettings::typeOf).orElse("default");
  }

  private static String typeOf(Json parameters) {
    return parameters.text("rope_type").or(() -> parameters.text("type")).orElse("default");
  }

  /**
   * Reads the settings of one kind of layers.
   *
   * @param json a configuration
   * @param layerType e.g. {@code full_attention}
   * @param scaled whether {@code rope_scaling} of older files is meant for these layers
   * @param headWidth numbers of a head, d
   * @param defaults what the file may leave out
   * @return the settings
   * @throws LoraException if a scaling is not known or lacks a number
   */
  public static RopeSettings of(
      Json json, String layerType, boolean scaled, int headWidth, RopeDefaults defaults) {
    Optional<Json> all = json.object("rope_parameters");
    if (all.map(each -> !isByLayer(each) && each.has("rope_type")).orElse(false)) {
      throw new LoraException(
          json + ": rope_parameters are the same for all layers; only those by type are supported");
    }
    Optional<Json> own = all.flatMap(each -> each.object(layerType));
    Optional<Json> old = scaled ? json.object("rope_scaling") : Optional.empty();
    return whole(of(json, own.or(() -> old), headWidth, defaults), json, headWidth);
  }

  private static RopeSettings of(
      Json json, Optional<Json> said, int headWidth, RopeDefaults defaults) {
    double theta =
        number(said, "rope_theta").orElse(json.number(defaults.baseKey()).orElse(defaults.base()));
    double part =
        number(said, "partial_rotary_factor")
            .orElse(json.number(defaults.partKey()).orElse(defaults.part()));
    int width = (int) (headWidth * part);
    if (said.isEmpty()) {
      return new RopeSettings(RotaryFrequencies.plain(theta, width), width);
    }
    Json scaled = said.get();
    try {
      return new RopeSettings(frequencies(json, scaled, theta, width, defaults), width);
    } catch (IllegalArgumentException e) {
      throw new LoraException(scaled + ": " + e.getMessage(), e);
    }
  }

  private static OptionalDouble number(Optional<Json> json, String key) {
    return json.map(object -> object.number(key)).orElse(OptionalDouble.empty());
  }

  private static RotaryFrequencies frequencies(
      Json json, Json scaled, double theta, int width, RopeDefaults defaults) {
    String type = typeOf(scaled);
    int longest = json.whole("max_position_embeddings").orElse(defaults.longest());
    int trained = trained(json, scaled, defaults, longest);
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
      case "yarn" ->
          scaled.has("long_factor") // early files of Phi-3 call it so
              ? longRope(scaled, theta, width, longest, trained)
              : yarn(scaled, theta, width, longest, trained);
      case "longrope", "su" -> longRope(scaled, theta, width, longest, trained);
      default ->
          throw new LoraException(
              "%s: rope type '%s' is not supported; supported: %s".formatted(scaled, type, TYPES));
    };
  }

  /** Beside the scaling rather than in it, if it stands there: so are Phi-3's files written. */
  private static int trained(Json json, Json scaled, RopeDefaults defaults, int longest) {
    String key = "original_max_position_embeddings";
    if (json.has(key) || defaults.trained().isPresent()) {
      return json.whole(key).orElseGet(() -> defaults.trained().orElse(longest));
    }
    return scaled.whole(key).orElse(longest);
  }

  private static RotaryFrequencies yarn(
      Json scaled, double theta, int width, int longest, int trained) {
    double factor = scaled.number("factor").orElse((double) longest / trained);
    double magnitude = scaled.number("mscale").orElse(0);
    double everywhere = scaled.number("mscale_all_dim").orElse(0);
    double attention =
        magnitude != 0 && everywhere != 0
            ? stretch(factor, magnitude) / stretch(factor, everywhere)
            : stretch(factor, 1);
    return RotaryFrequencies.yarn(
        theta,
        width,
        factor,
        scaled.number("beta_fast").orElse(32),
        scaled.number("beta_slow").orElse(1),
        scaled.flag("truncate").orElse(true),
        trained,
        scaled.number("attention_factor").orElse(attention));
  }

  /** Peng et al. 2023, equation 22. */
  private static double stretch(double factor, double magnitude) {
    return factor <= 1 ? 1 : 0.1 * magnitude * Math.log(factor) + 1;
  }

  private static RotaryFrequencies longRope(
      Json scaled, double theta, int width, int longest, int trained) {
    double factor = scaled.number("factor").orElse((double) longest / trained);
    double attention = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(trained));
    return RotaryFrequencies.longRope(
        theta,
        width,
        scaled.numbers("short_factor"),
        scaled.numbers("long_factor"),
        trained,
        scaled.number("attention_factor").orElse(attention));
  }

  private static double require(Json json, String key) {
    return json.number(key)
        .orElseThrow(() -> new LoraException("%s: %s is missing".formatted(json, key)));
  }
}
