package io.github.lora4j;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * What an adapter is: PEFT's {@code LoraConfig}, checked when it is built.
 *
 * <pre>{@code
 * LoraConfig config = LoraConfig.builder()
 *     .rank(8).alpha(16).dropout(0.05)
 *     .targetModules("query_key_value")
 *     .bias(Bias.NONE).taskType(TaskType.CAUSAL_LM).build();
 * }</pre>
 *
 * @param rank r of the pairs, unless {@code rankPattern} says otherwise
 * @param alpha numerator of the scaling, unless {@code alphaPattern} says otherwise
 * @param dropout probability in [0, 1) that an element of a pair's input is dropped while training
 * @param targetModules which modules get a pair
 * @param excludeModules which modules do not, though they are targets; empty for no exclusion
 * @param modulesToSave names or ends of paths of modules that the adapter trains whole copies of;
 *     they get no pair
 * @param layersToTransform indices of the layers to adapt, from 0; empty for all
 * @param layersPattern names of the module lists in which {@code layersToTransform} counts; empty
 *     for the first numbered segment of a path
 * @param rankPattern ranks of some modules: regular expressions on the end of a path, the first
 *     match counts
 * @param alphaPattern alphas of some modules, likewise
 * @param rsLora whether the scaling is alpha / √r instead of alpha / r
 * @param dora whether the rows of the adapted matrix also get a trained length (DoRA), see {@link
 *     DoraLinear}
 * @param bias which biases are trained
 * @param init how A and B start; what starts from the base has twice the rank in memory and in
 *     files, see {@link LoraInit#PISSA}
 * @param taskType what the adapter is for; empty if not said
 * @param fanInFanOut PEFT's note that the base stores weights as (in, out); kept for files, the
 *     engine knows its own
 * @param baseModel name of the base that the adapter was made for; empty if not known
 * @param revision revision of the base; empty if not said
 * @param otherSettings settings of a file that mean nothing here, as JSON text; written back as
 *     they were
 * @see <a href="https://arxiv.org/abs/2106.09685">Hu et al. 2021, section 4.1</a>
 * @since 0.1.0
 */
public record LoraConfig(
    int rank,
    double alpha,
    double dropout,
    TargetModules targetModules,
    Optional<TargetModules> excludeModules,
    List<String> modulesToSave,
    List<Integer> layersToTransform,
    List<String> layersPattern,
    Map<String, Integer> rankPattern,
    Map<String, Double> alphaPattern,
    boolean rsLora,
    boolean dora,
    Bias bias,
    LoraInit init,
    Optional<TaskType> taskType,
    boolean fanInFanOut,
    Optional<String> baseModel,
    Optional<String> revision,
    Map<String, String> otherSettings) {

  /**
   * Copies the collections and checks everything; {@link #builder} is the shorter way.
   *
   * @throws IllegalArgumentException listing all problems
   */
  public LoraConfig {
    Objects.requireNonNull(targetModules, "targetModules");
    Objects.requireNonNull(bias, "bias");
    Objects.requireNonNull(init, "init");
    modulesToSave = List.copyOf(modulesToSave);
    layersToTransform = List.copyOf(layersToTransform);
    layersPattern = List.copyOf(layersPattern);
    rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
    alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
    otherSettings = Collections.unmodifiableMap(new LinkedHashMap<>(otherSettings));
    List<String> problems =
        new LoraConfigCheck()
            .numbers(rank, alpha, dropout)
            .targets(targetModules, excludeModules)
            .modulesToSave(modulesToSave)
            .layers(targetModules, layersToTransform, layersPattern)
            .patterns(rankPattern, alphaPattern)
            .problems();
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(String.join("; ", problems));
    }
  }

  /**
   * Starts from PEFT's defaults: rank 8, alpha 8, no dropout, the model's default targets.
   *
   * @return a builder
   */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Reads PEFT's {@code adapter_config.json}, as versions 0.2 to 0.21 write it. Unknown keys
   * survive a round trip.
   *
   * @param fileOrDirectory the file, or the adapter's directory
   * @return the configuration
   * @throws IOException if the file is missing or cannot be read
   * @throws LoraException if it is not JSON, not LoRA, or uses something that is not supported
   */
  public static LoraConfig read(Path fileOrDirectory) throws IOException {
    return LoraConfigReader.read(fileOrDirectory);
  }

  /**
   * The content of {@code adapter_config.json}, byte for byte as PEFT 0.21 writes it; only the
   * targets are sorted, which PEFT leaves to chance.
   *
   * @return JSON text in ASCII
   */
  public String toJson() {
    return LoraConfigWriter.write(this);
  }

  /** The factor of a pair's update: alpha / r, or alpha / √r with rsLoRA. */
  double scaling(int pairRank, double pairAlpha) {
    return rsLora ? pairAlpha / Math.sqrt(pairRank) : pairAlpha / pairRank;
  }

  Builder toBuilder() {
    Builder builder = new Builder();
    builder.rank = rank;
    builder.alpha = alpha;
    builder.dropout = dropout;
    builder.targetModules = targetModules;
    builder.excludeModules = excludeModules;
    builder.modulesToSave = modulesToSave;
    builder.layersToTransform = layersToTransform;
    builder.layersPattern = layersPattern;
    builder.rankPattern = rankPattern;
    builder.alphaPattern = alphaPattern;
    builder.rsLora = rsLora;
    builder.dora = dora;
    builder.bias = bias;
    builder.init = init;
    builder.taskType = taskType;
    builder.fanInFanOut = fanInFanOut;
    builder.baseModel = baseModel;
    builder.revision = revision;
    builder.otherSettings = otherSettings;
    return builder;
  }

  @Override
  public String toString() {
    return "LoraConfig[rank=%d, alpha=%s, dropout=%s, targetModules=%s, bias=%s]"
        .formatted(rank, alpha, dropout, targetModules, bias);
  }

  /** Collects settings; {@link #build} checks them all at once. */
  public static final class Builder {
    private int rank = 8;
    private double alpha = 8;
    private double dropout;
    private TargetModules targetModules = new TargetModules.DefaultsOfModel();
    private Optional<TargetModules> excludeModules = Optional.empty();
    private List<String> modulesToSave = List.of();
    private List<Integer> layersToTransform = List.of();
    private List<String> layersPattern = List.of();
    private Map<String, Integer> rankPattern = Map.of();
    private Map<String, Double> alphaPattern = Map.of();
    private boolean rsLora;
    private boolean dora;
    private Bias bias = Bias.NONE;
    private LoraInit init = LoraInit.KAIMING;
    private Optional<TaskType> taskType = Optional.empty();
    private boolean fanInFanOut;
    private Optional<String> baseModel = Optional.empty();
    private Optional<String> revision = Optional.empty();
    private Map<String, String> otherSettings = Map.of();

    private Builder() {}

    /**
     * Sets the rank; 8 if not called.
     *
     * @param rank positive
     * @return this
     */
    public Builder rank(int rank) {
      this.rank = rank;
      return this;
    }

    /**
     * Sets alpha; 8 if not called.
     *
     * @param alpha positive
     * @return this
     */
    public Builder alpha(double alpha) {
      this.alpha = alpha;
      return this;
    }

    /**
     * Sets the dropout; 0 if not called.
     *
     * @param dropout probability in [0, 1)
     * @return this
     */
    public Builder dropout(double dropout) {
      this.dropout = dropout;
      return this;
    }

    /**
     * Targets by name.
     *
     * @param names names or ends of paths
     * @return this
     */
    public Builder targetModules(String... names) {
      return targetModules(TargetModules.of(names));
    }

    /**
     * Sets the targets; the model's defaults if not called.
     *
     * @param targets which modules get a pair
     * @return this
     */
    public Builder targetModules(TargetModules targets) {
      this.targetModules = targets;
      return this;
    }

    /**
     * Excludes modules by name.
     *
     * @param names names or ends of paths
     * @return this
     */
    public Builder excludeModules(String... names) {
      return excludeModules(TargetModules.of(names));
    }

    /**
     * Excludes modules.
     *
     * @param excluded names or a regular expression
     * @return this
     */
    public Builder excludeModules(TargetModules excluded) {
      this.excludeModules = Optional.of(excluded);
      return this;
    }

    /**
     * Trains whole copies of some modules beside the pairs, e.g. a head or a norm. The adapter owns
     * the copies; the base keeps its own.
     *
     * @param names names or ends of paths
     * @return this
     */
    public Builder modulesToSave(String... names) {
      this.modulesToSave = List.of(names);
      return this;
    }

    /**
     * Adapts some layers only.
     *
     * @param layers indices from 0
     * @return this
     */
    public Builder layersToTransform(Integer... layers) {
      this.layersToTransform = List.of(layers);
      return this;
    }

    /**
     * Names the module lists in which layers are counted.
     *
     * @param patterns e.g. {@code h}
     * @return this
     */
    public Builder layersPattern(String... patterns) {
      this.layersPattern = List.of(patterns);
      return this;
    }

    /**
     * Sets ranks of some modules.
     *
     * @param pattern regular expressions to ranks, the first match counts
     * @return this
     */
    public Builder rankPattern(Map<String, Integer> pattern) {
      this.rankPattern = pattern;
      return this;
    }

    /**
     * Sets alphas of some modules.
     *
     * @param pattern regular expressions to alphas, the first match counts
     * @return this
     */
    public Builder alphaPattern(Map<String, Double> pattern) {
      this.alphaPattern = pattern;
      return this;
    }

    /**
     * Chooses the scaling alpha / √r.
     *
     * @param rsLora true for rank-stabilised LoRA
     * @return this
     */
    public Builder rsLora(boolean rsLora) {
      this.rsLora = rsLora;
      return this;
    }

    /**
     * Chooses DoRA: a length for every row of the adapted matrices is trained beside the direction,
     * which A and B change. A step takes longer, for the lengths of the adapted rows are needed.
     *
     * @param dora true for weight-decomposed LoRA
     * @return this
     * @see <a href="https://arxiv.org/abs/2402.09353">Liu et al. 2024, section 4</a>
     */
    public Builder dora(boolean dora) {
      this.dora = dora;
      return this;
    }

    /**
     * Sets which biases are trained; none if not called.
     *
     * @param bias the mode
     * @return this
     */
    public Builder bias(Bias bias) {
      this.bias = bias;
      return this;
    }

    /**
     * Sets how A and B start; Kaiming if not called.
     *
     * @param init the initialisation
     * @return this
     */
    public Builder init(LoraInit init) {
      this.init = init;
      return this;
    }

    /**
     * Says what the adapter is for.
     *
     * @param taskType the task
     * @return this
     */
    public Builder taskType(TaskType taskType) {
      this.taskType = Optional.of(taskType);
      return this;
    }

    /**
     * Names the base.
     *
     * @param name hub id or path
     * @return this
     */
    public Builder baseModel(String name) {
      this.baseModel = Optional.of(name);
      return this;
    }

    Builder fanInFanOut(boolean value) {
      this.fanInFanOut = value;
      return this;
    }

    Builder revision(Optional<String> value) {
      this.revision = value;
      return this;
    }

    Builder otherSettings(Map<String, String> value) {
      this.otherSettings = value;
      return this;
    }

    Builder layers(List<Integer> layers, List<String> patterns) {
      this.layersToTransform = layers;
      this.layersPattern = patterns;
      return this;
    }

    /**
     * Checks everything.
     *
     * @return the configuration
     * @throws IllegalArgumentException listing all problems
     */
    public LoraConfig build() {
      return new LoraConfig(
          rank,
          alpha,
          dropout,
          targetModules,
          excludeModules,
          modulesToSave,
          layersToTransform,
          layersPattern,
          rankPattern,
          alphaPattern,
          rsLora,
          dora,
          bias,
          init,
          taskType,
          fanInFanOut,
          baseModel,
          revision,
          otherSettings);
    }
  }
}
