package io.github.lora4j.examples;

import io.github.lora4j.Bias;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.TargetModules;
import io.github.lora4j.TaskType;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What is adapted; what is not given follows {@link ExampleDefaults}, targets the base. */
final class LoraOptions {

  private static final String ALL_LINEAR = "all-linear"; // as PEFT calls them

  @Option(
      names = "--rank",
      paramLabel = "R",
      description = "Rank of the low-rank pairs. Default: ${bundle:default.rank}.")
  private @Nullable Integer rank;

  @Option(
      names = "--alpha",
      paramLabel = "A",
      description = "Scaling of the pairs is alpha / rank. Default: ${bundle:default.alpha}.")
  private @Nullable Double alpha;

  @Option(
      names = "--dropout",
      paramLabel = "P",
      description =
          "Share of a pair's input that is dropped in training. Default:"
              + " ${bundle:default.dropout}.")
  private @Nullable Double dropout;

  @Option(
      names = "--targets",
      paramLabel = "NAMES",
      description =
          "Modules to adapt, separated by commas, or all-linear. Default: what is customary for the"
              + " family of the base, e.g. query_key_value of a BLOOM, q_proj and v_proj of a Llama.")
  private @Nullable String targets;

  LoraConfig config(ExampleDefaults defaults) {
    return config(defaults, LoraInit.KAIMING);
  }

  LoraConfig config(ExampleDefaults defaults, LoraInit init) {
    LoraConfig.Builder config = LoraConfig.builder();
    if (targets != null) {
      config.targetModules(
          targets.equals(ALL_LINEAR)
              ? TargetModules.allLinear()
              : TargetModules.of(targets.split(",", -1)));
    }
    return config
        .rank(rank == null ? defaults.rank() : rank)
        .alpha(alpha == null ? defaults.alpha() : alpha)
        .dropout(dropout == null ? defaults.dropout() : dropout)
        .bias(Bias.NONE)
        .init(init)
        .taskType(TaskType.CAUSAL_LM)
        .build();
  }
}
