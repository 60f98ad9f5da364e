package io.github.lora4j;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
 * @see <a href="https://arxiv.org/abs/2106.09685">Hu et al. 2021, section 4.1</a>
 * @since 0.1.0
 */
public final class LoraConfig {

  private final int rank;
  private final double alpha;
  private final double dropout;
  private final TargetModules targetModules;
  private final Optional<TargetModules> excludeModules;
  private final List<Integer> layersToTransform;
  private final List<String> layersPattern;
  private final Map<String, Integer> rankPattern;
  private final Map<String, Double> alphaPattern;
  private final boolean rsLora;
  private final Bias bias;
  private final LoraInit init;
  private final Optional<TaskType> taskType;
  private final boolean fanInFanOut;
  private final Optional<String> baseModel;
  private final Optional<String> revision;
  private final Map<String, String> otherJson;

  private LoraConfig(Builder builder) {
    this.rank = builder.rank;
    this.alpha = builder.alpha;
    this.dropout = builder.dropout;
    this.targetModules = builder.targetModules;
    this.excludeModules = builder.excludeModules;
    this.layersToTransform = List.copyOf(builder.layersToTransform);
    this.layersPattern = List.copyOf(builder.layersPattern);
    this.rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(builder.rankPattern));
    this.alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(builder.alphaPattern));
    this.rsLora = builder.rsLora;
    this.bias = builder.bias;
    this.init = builder.init;
    this.taskType = builder.taskType;
    this.fanInFanOut = builder.fanInFanOut;
    this.baseModel = builder.baseModel;
    this.revision = builder.revision;
    this.otherJson = Collections.unmodifiableMap(new LinkedHashMap<>(builder.otherJson));
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
    return LoraConfigJson.read(fileOrDirectory);
  }

  /**
   * The content of {@code adapter_config.json}: all keys of PEFT 0.21, sorted, indented by 2.
   *
   * @return JSON text with a line break at the end
   */
  public String toJson() {
    return LoraConfigJson.write(this);
  }

  /**
   * Rank r of the pairs, unless {@link #rankPattern} says otherwise.
   *
   * @return a positive number
   */
  public int rank() {
    return rank;
  }

  /**
   * Numerator of the scaling.
   *
   * @return alpha
   */
  public double alpha() {
    return alpha;
  }

  /**
   * Probability that an element of a pair's input is dropped while training.
   *
   * @return in [0, 1)
   */
  public double dropout() {
    return dropout;
  }

  /**
   * Which modules get a pair.
   *
   * @return the targets
   */
  public TargetModules targetModules() {
    return targetModules;
  }

  /**
   * Which modules do not, though they are targets.
   *
   * @return empty for no exclusion
   */
  public Optional<TargetModules> excludeModules() {
    return excludeModules;
  }

  /**
   * Indices of the layers to adapt.
   *
   * @return empty for all
   */
  public List<Integer> layersToTransform() {
    return layersToTransform;
  }

  /**
   * Names of the module lists in which {@link #layersToTransform} counts.
   *
   * @return empty for the first numbered segment of a path
   */
  public List<String> layersPattern() {
    return layersPattern;
  }

  /**
   * Ranks of some modules: regular expressions on the end of a path, the first match counts.
   *
   * @return in order
   */
  public Map<String, Integer> rankPattern() {
    return rankPattern;
  }

  /**
   * Alphas of some modules, as {@link #rankPattern}.
   *
   * @return in order
   */
  public Map<String, Double> alphaPattern() {
    return alphaPattern;
  }

  /**
   * Whether the scaling is alpha / √r instead of alpha / r.
   *
   * @return true for rank-stabilised LoRA
   */
  public boolean rsLora() {
    return rsLora;
  }

  /**
   * Which biases are trained.
   *
   * @return the mode
   */
  public Bias bias() {
    return bias;
  }

  /**
   * How A and B start.
   *
   * @return the initialisation
   */
  public LoraInit init() {
    return init;
  }

  /**
   * What the adapter is for.
   *
   * @return empty if not said
   */
  public Optional<TaskType> taskType() {
    return taskType;
  }

  /**
   * PEFT's note that the base stores weights as (in, out); kept for files, the engine knows its
   * own.
   *
   * @return the note
   */
  public boolean fanInFanOut() {
    return fanInFanOut;
  }

  /**
   * Name of the base that the adapter was made for.
   *
   * @return empty if not known
   */
  public Optional<String> baseModel() {
    return baseModel;
  }

  /**
   * Revision of the base.
   *
   * @return empty if not said
   */
  public Optional<String> revision() {
    return revision;
  }

  /** Keys that mean nothing here, as JSON text. */
  Map<String, String> otherJson() {
    return otherJson;
  }

  /**
   * The factor of a pair's update.
   *
   * @param pairRank rank of the pair
   * @param pairAlpha alpha of the pair
   * @return alpha / r, or alpha / √r with rsLoRA
   */
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
    builder.layersToTransform = layersToTransform;
    builder.layersPattern = layersPattern;
    builder.rankPattern = rankPattern;
    builder.alphaPattern = alphaPattern;
    builder.rsLora = rsLora;
    builder.bias = bias;
    builder.init = init;
    builder.taskType = taskType;
    builder.fanInFanOut = fanInFanOut;
    builder.baseModel = baseModel;
    builder.revision = revision;
    builder.otherJson = otherJson;
    return builder;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LoraConfig that && toJson().equals(that.toJson());
  }

  @Override
  public int hashCode() {
    return toJson().hashCode();
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
    private List<Integer> layersToTransform = List.of();
    private List<String> layersPattern = List.of();
    private Map<String, Integer> rankPattern = Map.of();
    private Map<String, Double> alphaPattern = Map.of();
    private boolean rsLora;
    private Bias bias = Bias.NONE;
    private LoraInit init = LoraInit.KAIMING;
    private Optional<TaskType> taskType = Optional.empty();
    private boolean fanInFanOut;
    private Optional<String> baseModel = Optional.empty();
    private Optional<String> revision = Optional.empty();
    private Map<String, String> otherJson = Map.of();

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

    Builder otherJson(Map<String, String> value) {
      this.otherJson = value;
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
      List<String> problems = new ArrayList<>();
      if (rank <= 0) {
        problems.add("rank must be positive, got " + rank);
      }
      if (!(alpha > 0) || Double.isInfinite(alpha)) {
        problems.add("alpha must be positive, got " + alpha);
      }
      if (!(dropout >= 0 && dropout < 1)) {
        problems.add("dropout must be in [0, 1), got " + dropout);
      }
      boolean listed = targetModules instanceof TargetModules.Names;
      if (listed && ((TargetModules.Names) targetModules).names().isEmpty()) {
        problems.add("target modules must name at least one module, got an empty list");
      }
      if (!layersToTransform.isEmpty() && !listed && !isDefault()) {
        problems.add("layers to transform need target modules given by name, got " + targetModules);
      }
      if (!layersPattern.isEmpty() && layersToTransform.isEmpty()) {
        problems.add("a layers pattern needs layers to transform, got none");
      }
      layersToTransform.stream()
          .filter(layer -> layer < 0)
          .forEach(layer -> problems.add("layers to transform count from 0, got " + layer));
      rankPattern.forEach(
          (key, value) -> {
            PythonRegex.check(key, "rank pattern", problems);
            if (value <= 0) {
              problems.add("rank of pattern '%s' must be positive, got %d".formatted(key, value));
            }
          });
      alphaPattern.forEach(
          (key, value) -> {
            PythonRegex.check(key, "alpha pattern", problems);
            if (!(value > 0)) {
              problems.add("alpha of pattern '%s' must be positive, got %s".formatted(key, value));
            }
          });
      layersPattern.forEach(key -> PythonRegex.check(key, "layers pattern", problems));
      if (targetModules instanceof TargetModules.Matching matching) {
        PythonRegex.check(matching.regex(), "target modules", problems);
      }
      if (excludeModules.orElse(null) instanceof TargetModules.Matching matching) {
        PythonRegex.check(matching.regex(), "excluded modules", problems);
      }
      if (!problems.isEmpty()) {
        throw new IllegalArgumentException(String.join("; ", problems));
      }
      return new LoraConfig(this);
    }

    private boolean isDefault() {
      return targetModules instanceof TargetModules.DefaultsFor
          || targetModules instanceof TargetModules.DefaultsOfModel;
    }
  }
}
