package io.github.lora4j.djl.model;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Json;
import io.github.lora4j.djl.layer.RotaryFrequencies;
import java.util.List;
import java.util.Optional;

/**
 * The rotary positions of a configuration. Both ways of writing them are read: {@code
 * rope_parameters} of newer files, and {@code rope_theta} beside {@code rope_scaling} of older
 * ones.
 *
 * @param frequencies radians a token
 * @param width numbers of each head that turn, R
 */
public record RopeSettings(RotaryFrequencies frequencies, int width) {

  private static final String TYPE = "rope_type";
  private static final String DEFAULT = "default";
  private static final String PART = "partial_rotary_factor";

  private static final List<String> TYPES =
      List.of(DEFAULT, "linear", "dynamic", "llama3", "yarn", "longrope");

  /**
   * Reads the settings that all layers of a model share whose heads turn as a whole.
   *
   * @param json a configuration
   * @param headWidth numbers of a head, d
   * @param base of the angles where the file says none
   * @return the settings
   * @throws LoraException if a scaling is not known or lacks a number, or heads turn in part
   */
  public static RopeSettings of(Json json, int headWidth, double base) {
    return whole(partial(json, headWidth, base, 1), json, headWidth);
  }

  /**
   * Reads the settings that all layers of a model share whose heads may turn in part.
   *
   * @param json a configuration
   * @param headWidth numbers of a head, d
   * @param base of the angles where the file says none
   * @param part of each head that turns, where the file says none
   * @return the settings
   * @throws LoraException if a scaling is not known or lacks a number
   */
  public static RopeSettings partial(Json json, int headWidth, double base, double part) {
    Optional<Json> parameters = parameters(json);
    if (parameters.map(RopeSettings::isByLayer).orElse(false)) {
      throw new LoraException(
          json + ": rope_parameters differ by type of layer; only one for all is supported");
    }
    double theta = json.number("rope_theta").orElse(json.number("rotary_emb_base").orElse(base));
    double turned = json.number(PART).orElse(json.number("rotary_pct").orElse(part));
    return of(json, parameters, headWidth, theta, turned);
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
   * @throws LoraException if a scaling is not known or lacks a number, or heads turn in part
   */
  public static RopeSettings of(
      Json json, String layerType, String oldBase, boolean scaled, int headWidth, double base) {
    Optional<Json> all = json.object("rope_parameters");
    if (all.map(each -> !isByLayer(each) && each.has(TYPE)).orElse(false)) {
      throw new LoraException(
          json + ": rope_parameters are the same for all layers; only those by type are supported");
    }
    Optional<Json> old = scaled ? json.object("rope_scaling") : Optional.empty();
    double fallback = json.number(oldBase).orElse(base);
    RopeSettings settings =
        of(json, all.flatMap(each -> each.object(layerType)).or(() -> old), headWidth, fallback, 1);
    return whole(settings, json, headWidth);
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

  /** As transformers chooses where a file has both. */
  private static Optional<Json> parameters(Json json) {
    return json.object("rope_scaling").or(() -> json.object("rope_parameters"));
  }

  /**
   * The scaling that a configuration asks for.
   *
   * @param json a configuration
   * @return e.g. {@code yarn}; {@code default} for none
   */
  public static String type(Json json) {
    return parameters(json).map(RopeSettings::typeOf).orElse(DEFAULT);
  }

  private static String typeOf(Json parameters) {
    return parameters.text(TYPE).or(() -> parameters.text("type")).orElse(DEFAULT);
  }

  private static RopeSettings of(
      Json json, Optional<Json> parameters, int headWidth, double base, double part) {
    Json own = parameters.orElse(json);
    double theta = parameters.map(p -> p.number("rope_theta").orElse(base)).orElse(base);
    double turned = parameters.map(p -> p.number(PART).orElse(part)).orElse(part);
    int width = (int) (headWidth * turned);
    String type = parameters.map(RopeSettings::typeOf).orElse(DEFAULT);
    try {
      return new RopeSettings(frequencies(json, own, type, theta, width), width);
    } catch (IllegalArgumentException e) {
      throw new LoraException(own + ": " + e.getMessage(), e);
    }
  }

  private static RotaryFrequencies frequencies(
      Json json, Json scaled, String type, double theta, int width) {
    return switch (type) {
      case DEFAULT -> RotaryFrequencies.plain(theta, width);
      case "linear" -> RotaryFrequencies.linear(theta, width, require(scaled, "factor"));
      case "dynamic" ->
          RotaryFrequencies.dynamic(theta, width, require(scaled, "factor"), longest(json));
      case "llama3" ->
          RotaryFrequencies.llama3(
              theta,
              width,
              require(scaled, "factor"),
              require(scaled, "low_freq_factor"),
              require(scaled, "high_freq_factor"),
              trained(json, scaled));
      case "yarn" ->
          scaled.has("long_factor") // Phi-3 once called its own scaling so
              ? longRope(json, scaled, theta, width)
              : yarn(json, scaled, theta, width);
      case "longrope", "su" -> longRope(json, scaled, theta, width);
      default ->
          throw new LoraException(
              "%s: rope type '%s' is not supported; supported: %s".formatted(scaled, type, TYPES));
    };
  }

  /** Positions that the model serves. */
  private static int longest(Json json) {
    return json.whole("max_position_embeddings")
        .orElseThrow(() -> new LoraException(json + ": max_position_embeddings is missing"));
  }

  /** Positions that the model was trained on before it was stretched. */
  private static int trained(Json json, Json scaled) {
    String key = "original_max_position_embeddings";
    return json.whole(key).orElseGet(() -> scaled.whole(key).orElseGet(() -> longest(json)));
  }

  private static double factor(Json json, Json scaled, int trained) {
    return scaled.number("factor").orElseGet(() -> (double) longest(json) / trained);
  }

  private static RotaryFrequencies yarn(Json json, Json scaled, double theta, int width) {
    int trained = trained(json, scaled);
    double factor = factor(json, scaled, trained);
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

  private static RotaryFrequencies longRope(Json json, Json scaled, double theta, int width) {
    int trained = trained(json, scaled);
    double factor = factor(json, scaled, trained);
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
