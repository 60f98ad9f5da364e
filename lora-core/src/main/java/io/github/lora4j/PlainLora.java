package io.github.lora4j;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An adapter that starts from a part of the base (PiSSA, OLoRA) as plain LoRA: {@code Wx + s(BA -
 * B₀A₀)x} is LoRA of {@code [B, -B₀]} and {@code [A; A₀]}, with twice the rank and the same
 * scaling. PEFT converts so on saving, but not rsLoRA with patterns, which is no problem here.
 */
final class PlainLora {

  private PlainLora() {}

  static int rank(LoraConfig config, int rank) {
    return config.init().takesFromBase() ? Math.multiplyExact(2, rank) : rank;
  }

  /** Alpha for the doubled rank: the scaling stays. */
  static double alpha(LoraConfig config, double alpha) {
    if (!config.init().takesFromBase()) {
      return alpha;
    }
    return config.rsLora() ? alpha * Math.sqrt(2) : alpha * 2;
  }

  /**
   * The configuration that says what the tensors are; itself where nothing is taken from the base.
   */
  static LoraConfig configOf(LoraConfig config) {
    if (!config.init().takesFromBase()) {
      return config;
    }
    Map<String, Integer> ranks = new LinkedHashMap<>();
    config.rankPattern().forEach((key, value) -> ranks.put(key, rank(config, value)));
    Map<String, Double> alphas = new LinkedHashMap<>();
    config.alphaPattern().forEach((key, value) -> alphas.put(key, alpha(config, value)));
    Map<String, String> others = new LinkedHashMap<>(config.otherSettings());
    others.remove("init_lora_weights");
    return config.toBuilder()
        .rank(rank(config, config.rank()))
        .alpha(alpha(config, config.alpha()))
        .rankPattern(ranks)
        .alphaPattern(alphas)
        .otherSettings(others)
        .init(LoraInit.KAIMING)
        .build();
  }
}
