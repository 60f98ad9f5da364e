package io.github.lora4j;

import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TargetModule.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.ToLongFunction;

/**
 * What wrapping a model would do, before it is done: which modules are adapted, how many parameters
 * are trained, how large the file will be.
 *
 * @param tree the model
 * @param config the configuration, defaults of the model filled in
 * @param pairs one for each adapted module, in the order of the tree
 * @param biases biases that the adapter brings its own copies of
 * @param copies parameters of the modules that the adapter trains whole copies of, see {@link
 *     LoraConfig#modulesToSave}
 * @since 0.1.0
 */
public record LoraPlan(
    ModuleTree tree,
    LoraConfig config,
    List<LoraLinear> pairs,
    List<ParameterInfo> biases,
    List<ParameterInfo> copies) {

  /** Copies the lists. */
  public LoraPlan {
    pairs = List.copyOf(pairs);
    biases = List.copyOf(biases);
    copies = List.copyOf(copies);
  }

  /**
   * Plans for a model of any engine on the class path.
   *
   * @param model the base
   * @param config what to adapt
   * @return the plan
   * @throws LoraException if a target, an exclusion, a layer or a pattern matches nothing, or a
   *     rank exceeds the side of a map
   */
  public static LoraPlan of(Object model, LoraConfig config) {
    return of(Backends.of(model).modules(model), config);
  }

  /**
   * Plans from shapes alone.
   *
   * @param tree modules and parameters of a model
   * @param config what to adapt
   * @return the plan
   * @throws LoraException if a target, an exclusion, a layer or a pattern matches nothing, or a
   *     rank exceeds the side of a map
   */
  public static LoraPlan of(ModuleTree tree, LoraConfig config) {
    TargetMatcher matcher = new TargetMatcher(config, tree.modelType());
    List<String> problems = new UnusedSettings(config, matcher, tree).problems();
    if (!problems.isEmpty()) {
      throw new LoraException(String.join("; ", problems));
    }
    LoraPlan plan = lenient(tree, config);
    plan.checkRanks();
    return plan;
  }

  /** Half of the rank where the other half takes off what the pair starts as. */
  int trainedRank(LoraLinear pair) {
    return config.init().takesFromBase() ? pair.rank() / 2 : pair.rank();
  }

  /** A rank above the smaller side of a map costs more than the map and expresses no more. */
  private void checkRanks() {
    List<String> problems = new ArrayList<>();
    for (LoraLinear pair : pairs) {
      if (trainedRank(pair) > Math.min(pair.inFeatures(), pair.outFeatures())) {
        problems.add(
            "rank %d of %s exceeds the smaller side of %d -> %d"
                .formatted(trainedRank(pair), pair.path(), pair.inFeatures(), pair.outFeatures()));
      }
    }
    if (!problems.isEmpty()) {
      throw new LoraException(String.join("; ", problems));
    }
  }

  /** As {@link #of}, but content if anything matches: how adapters of others are loaded. */
  static LoraPlan lenient(ModuleTree tree, LoraConfig config) {
    TargetMatcher matcher = new TargetMatcher(config, tree.modelType());
    List<TargetModule> matched = matcher.match(tree);
    if (matched.isEmpty()) {
      UnusedSettings unused = new UnusedSettings(config, matcher, tree);
      throw new LoraException(unused.targetProblem(unused.targets()));
    }
    List<LoraLinear> pairs = new ArrayList<>();
    List<String> unfit = new ArrayList<>();
    for (TargetModule module : matched) {
      if (module.kind() != Kind.OTHER) {
        pairs.add(pair(module, matcher, config));
      } else {
        unfit.add(module.path() + ", a " + module.type());
      }
    }
    if (!unfit.isEmpty()) {
      throw new LoraException(
          "a low-rank pair can stand beside a linear map or an embedding, not beside "
              + String.join("; ", unfit));
    }
    refuseOthers(config, matched);
    LoraConfig resolved =
        config.toBuilder()
            .targetModules(matcher.targets())
            .fanInFanOut(FanInFanOut.of(config, matched))
            .build();
    List<ParameterInfo> copies = new SavedModules(config, tree).parameters();
    List<ParameterInfo> biases = new ArrayList<>(biases(tree, config, pairs));
    biases.removeAll(copies);
    return new LoraPlan(tree, resolved, pairs, biases, copies);
  }

  /** What decomposes a matrix knows linear maps only. */
  private static void refuseOthers(LoraConfig config, List<TargetModule> matched) {
    if (!config.init().takesFromBase()) {
      return;
    }
    List<String> others =
        matched.stream()
            .filter(module -> module.kind() == Kind.EMBEDDING)
            .map(TargetModule::path)
            .toList();
    if (!others.isEmpty()) {
      throw new LoraException(
          "%s stands beside linear maps, not beside %s; leave them out or use plain LoRA"
              .formatted(config.init(), others));
    }
  }

  /** Whether two of the patterns mean one module: then their order decides. */
  boolean overlap(Map<String, ?> patterns) {
    TargetMatcher matcher = new TargetMatcher(config, tree.modelType());
    return pairs.stream()
        .anyMatch(
            pair ->
                patterns.keySet().stream()
                        .filter(key -> matcher.patternHits(key, pair.path()))
                        .count()
                    > 1);
  }

  /** Tensors of the adapter in memory, in the order of files: name and shape. */
  Map<String, List<Long>> shapes() {
    return shapes(LoraLinear::rank);
  }

  /** The same as a file holds them, which lacks what the base completes. */
  Map<String, List<Long>> fileShapes() {
    return shapes(this::trainedRank);
  }

  private Map<String, List<Long>> shapes(ToLongFunction<LoraLinear> rankOf) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    for (LoraLinear pair : pairs) {
      long rank = rankOf.applyAsLong(pair);
      shapes.put(pair.path() + ".lora_A", List.of(rank, (long) pair.inFeatures()));
      shapes.put(pair.path() + ".lora_B", List.of((long) pair.outFeatures(), rank));
      if (config.dora()) {
        shapes.put(DoraLinear.nameOfMagnitude(pair), List.of((long) pair.outFeatures()));
      }
    }
    biases.forEach(bias -> shapes.put(bias.name(), bias.shape()));
    copies.forEach(copy -> shapes.put(copy.name(), copy.shape()));
    return shapes;
  }

  private static LoraLinear pair(TargetModule module, TargetMatcher matcher, LoraConfig config) {
    int rank = matcher.rankOf(module.path());
    double alpha = matcher.alphaOf(module.path());
    return new LoraLinear(
        module.path(),
        module.inFeatures(),
        module.outFeatures(),
        PlainLora.rank(config, rank),
        PlainLora.alpha(config, alpha),
        config.scaling(rank, alpha),
        config.dropout());
  }

  private static List<ParameterInfo> biases(
      ModuleTree tree, LoraConfig config, List<LoraLinear> pairs) {
    return tree.parameters().stream()
        .filter(parameter -> parameter.name().endsWith(".bias"))
        .filter(
            parameter ->
                switch (config.bias()) {
                  case NONE -> false;
                  case ALL -> true;
                  case LORA_ONLY ->
                      pairs.stream().anyMatch(p -> parameter.name().equals(p.path() + ".bias"));
                })
        .toList();
  }

  /**
   * Parameters with the adapter in place. As PEFT counts them, biases that the adapter trains are
   * counted once, copies of whole modules beside what they are copies of, and what an adapter takes
   * off the base, see {@link LoraInit#PISSA}, not.
   *
   * @return the count
   */
  public ParameterCount parameterCount() {
    long added = pairs.stream().mapToLong(LoraLinear::parameters).sum();
    added /= config.init().takesFromBase() ? 2 : 1; // the other half is a part of the base
    added += config.dora() ? pairs.stream().mapToLong(LoraLinear::outFeatures).sum() : 0;
    added += copies.stream().mapToLong(ParameterInfo::elements).sum();
    long trainedBiases = biases.stream().mapToLong(ParameterInfo::elements).sum();
    return new ParameterCount(added + trainedBiases, tree.parameterCount() + added);
  }

  /** Numbers in all tensors of the adapter. */
  long elements() {
    return shapes().values().stream()
        .mapToLong(shape -> shape.stream().reduce(1L, Math::multiplyExact))
        .sum();
  }

  /**
   * Size of {@code adapter_model.safetensors} in fp32.
   *
   * @return bytes, exact
   */
  public long fileBytes() {
    AdapterKeys keys = new AdapterKeys(this);
    SafetensorsWriter writer = new SafetensorsWriter();
    for (LoraLinear pair : pairs) {
      writer.addPlaceholder(
          keys.inFile(pair.path() + ".lora_A"),
          List.of((long) pair.rank(), (long) pair.inFeatures()));
      writer.addPlaceholder(
          keys.inFile(pair.path() + ".lora_B"),
          List.of((long) pair.outFeatures(), (long) pair.rank()));
      if (config.dora()) {
        writer.addPlaceholder(
            keys.inFile(DoraLinear.nameOfMagnitude(pair)), List.of((long) pair.outFeatures()));
      }
    }
    biases.forEach(bias -> writer.addPlaceholder(keys.inFile(bias.name()), bias.shape()));
    copies.forEach(copy -> writer.addPlaceholder(keys.inFile(copy.name()), copy.shape()));
    return writer.size();
  }

  /**
   * Predicts the peak memory of a training step, before anything is loaded:
   *
   * <pre>{@code
   * LoraPlan plan = LoraPlan.of(CausalLm.modules(Path.of("bloom-3b")), config);
   * System.out.println(plan.stepMemory(Precision.BF16.step(4, 512).recomputed()));
   * }</pre>
   *
   * <p>With N tokens, M labels, c bytes a computed number, h the hidden width, V the vocabulary,
   * and for each layer at or above the lowest adapted one the outputs o of its linear maps, the
   * ranks r of its pairs, the width q of its query heads and, for each norm beside those before its
   * two sub-layers, the width e of what that reads, the parts are
   *
   * <ul>
   *   <li>weights: matrices at their stored width, vectors in fp32
   *   <li>adapter: 20 bytes a trained parameter (value, gradient, two moments, mask)
   *   <li>kept: N·c·(q + Σo + Σr + Σe) for a layer that is kept, N·c·h for one that is recomputed,
   *       and as much if anything before the layers is trained; with DoRA the outputs of adapted
   *       maps count twice
   *   <li>block: N·c·(2h + g + widest input of a pair), and what a layer keeps where none is kept;
   *       g is the larger of attention's q + Σo and, with F the inner width, F for a plain
   *       feed-forward layer or 3F for a gated one, Σo being of the maps before the last
   *   <li>head: 4·N·c·h, and for M labels, or as many as the engine takes at a time, M·(c·w + 12·h)
   *       with the w words of the vocabulary that it scores at a time, M·((c+4)·w + 12·h) if the
   *       head is trained
   *   <li>where weights are converted to be computed with, as much of the largest matrix as the
   *       engine converts at a time
   *   <li>runtime: the engine's constant
   * </ul>
   *
   * of which the larger one of block and head counts. For BLOOM q + Σo is 10 h. Attention is taken
   * to keep no matrix of scores.
   *
   * @param shape tokens, types and layers kept
   * @return the parts and their sum, bytes
   */
  public StepMemory stepMemory(StepShape shape) {
    return new StepFormula(this).at(shape);
  }

  /**
   * How many layers may keep what their backward needs.
   *
   * @param shape a step; its own number of kept layers is ignored
   * @param budget most that the process may hold, bytes
   * @return from 0 to the layers that are trained; empty if the step does not even fit with all of
   *     them recomputed
   */
  public OptionalInt keptLayersWithin(StepShape shape, long budget) {
    StepFormula formula = new StepFormula(this);
    for (int kept = formula.layers(); kept >= 0; kept--) {
      if (formula.at(shape.keeping(kept)).total() <= budget) {
        return OptionalInt.of(kept);
      }
    }
    return OptionalInt.empty();
  }

  /**
   * A short report.
   *
   * @return several lines: adapted modules by kind, parameters, file size
   */
  @Override
  public String toString() {
    Map<String, Integer> counts = new LinkedHashMap<>();
    for (LoraLinear pair : pairs) {
      String kind =
          "%s (%d -> %d, rank %d, scaling %s)"
              .formatted(
                  pair.path().replaceAll("\\.\\d+\\.", ".*."),
                  pair.inFeatures(),
                  pair.outFeatures(),
                  pair.rank(),
                  pair.scaling());
      counts.merge(kind, 1, Integer::sum);
    }
    StringBuilder text = new StringBuilder();
    text.append(config.dora() ? "DoRA for " : "LoRA for ").append(tree.modelClass()).append(":\n");
    counts.forEach(
        (kind, count) -> text.append("  ").append(count).append(" x ").append(kind).append('\n'));
    if (!biases.isEmpty()) {
      text.append("  ").append(biases.size()).append(" biases of the base\n");
    }
    if (!copies.isEmpty()) {
      text.append("  ").append(copies.size()).append(" parameters of whole modules ");
      text.append(config.modulesToSave()).append('\n');
    }
    text.append("  ").append(parameterCount()).append('\n');
    return text.append(
            String.format(
                Locale.ROOT, "  adapter file: %,d bytes (%.2f MB)", fileBytes(), fileBytes() / 1e6))
        .toString();
  }
}
