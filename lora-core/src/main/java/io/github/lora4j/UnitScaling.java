package io.github.lora4j;

import io.github.lora4j.spi.ModuleTree;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Configurations of adapters that were computed from others: every pair has the rank that it needs
 * and scaling 1, so alpha = rank, and factors stand in B.
 */
final class UnitScaling {

  private UnitScaling() {}

  /**
   * Plans such an adapter.
   *
   * @param tree the base
   * @param sources the adapters that it is made of
   * @param ranks of its pairs, by path
   */
  static LoraPlan plan(ModuleTree tree, List<LoraConfig> sources, Map<String, Integer> ranks) {
    LoraPlan named = LoraPlan.lenient(tree, config(sources, ranks, targets(sources, ranks)));
    if (paths(named).equals(List.copyOf(ranks.keySet()))) {
      return named;
    }
    // the path of one module is the end of another's
    return LoraPlan.lenient(tree, config(sources, ranks, exactly(ranks)));
  }

  private static List<String> paths(LoraPlan plan) {
    return plan.pairs().stream().map(LoraLinear::path).toList();
  }

  private static LoraConfig config(
      List<LoraConfig> sources, Map<String, Integer> ranks, LoraConfig.Builder builder) {
    int rank = mostFrequent(ranks);
    Map<String, Integer> otherRanks = new LinkedHashMap<>();
    Map<String, Double> otherAlphas = new LinkedHashMap<>();
    ranks.forEach(
        (path, own) -> {
          if (own != rank) {
            otherRanks.put(AdapterWriter.exactly(path), own);
            otherAlphas.put(AdapterWriter.exactly(path), (double) own);
          }
        });
    same(sources, LoraConfig::taskType).ifPresent(task -> task.ifPresent(builder::taskType));
    same(sources, LoraConfig::baseModel).ifPresent(base -> base.ifPresent(builder::baseModel));
    return builder
        .rank(rank)
        .alpha(rank)
        .rankPattern(otherRanks)
        .alphaPattern(otherAlphas)
        .bias(bias(sources))
        .fanInFanOut(sources.stream().anyMatch(LoraConfig::fanInFanOut))
        .revision(same(sources, LoraConfig::revision).orElse(Optional.empty()))
        .build();
  }

  /** The targets as the sources say them if they all say the same, else by full paths. */
  private static LoraConfig.Builder targets(List<LoraConfig> sources, Map<String, Integer> ranks) {
    LoraConfig first = sources.get(0);
    LoraConfig.Builder builder = LoraConfig.builder();
    if (same(sources, UnitScaling::selection).isEmpty()) {
      return builder.targetModules(new TargetModules.Names(List.copyOf(ranks.keySet())));
    }
    first.excludeModules().ifPresent(builder::excludeModules);
    return builder
        .targetModules(first.targetModules())
        .layers(first.layersToTransform(), first.layersPattern());
  }

  private static List<Object> selection(LoraConfig config) {
    return List.of(
        config.targetModules(),
        config.excludeModules(),
        config.layersToTransform(),
        config.layersPattern());
  }

  private static LoraConfig.Builder exactly(Map<String, Integer> ranks) {
    String regex =
        ranks.keySet().stream()
            .map(path -> path.replace(".", "\\."))
            .collect(Collectors.joining("|"));
    return LoraConfig.builder().targetModules(TargetModules.matching(regex));
  }

  private static Bias bias(List<LoraConfig> sources) {
    List<Bias> modes = sources.stream().map(LoraConfig::bias).toList();
    if (modes.contains(Bias.ALL)) {
      return Bias.ALL;
    }
    return modes.contains(Bias.LORA_ONLY) ? Bias.LORA_ONLY : Bias.NONE;
  }

  private static int mostFrequent(Map<String, Integer> ranks) {
    Map<Integer, Long> counts =
        ranks.values().stream()
            .collect(
                Collectors.groupingBy(
                    Function.identity(), LinkedHashMap::new, Collectors.counting()));
    return counts.entrySet().stream()
        .max(Comparator.comparing((Map.Entry<Integer, Long> entry) -> entry.getValue()))
        .map(Map.Entry::getKey)
        .orElseThrow();
  }

  private static <T> Optional<T> same(List<LoraConfig> configs, Function<LoraConfig, T> setting) {
    T first = Objects.requireNonNull(setting.apply(configs.get(0)));
    return configs.stream().allMatch(config -> first.equals(setting.apply(config)))
        ? Optional.of(first)
        : Optional.empty();
  }
}
