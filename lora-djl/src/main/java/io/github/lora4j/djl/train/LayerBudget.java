package io.github.lora4j.djl.train;

import io.github.lora4j.LoraException;
import io.github.lora4j.LoraPlan;
import io.github.lora4j.PeftModel;
import io.github.lora4j.StepMemory;
import io.github.lora4j.StepShape;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.layer.TokenBatch;
import java.util.Arrays;
import java.util.Locale;
import java.util.OptionalLong;

/**
 * Decides for each pass how many layers keep what their backward needs, by the prediction of {@link
 * LoraPlan#stepMemory}. The budget is read once, so that the same passes decide alike throughout a
 * run.
 */
final class LayerBudget {

  private final LoraPlan plan;
  private final LoadOptions loaded;
  private final Recompute recompute;
  private final OptionalLong bytes;

  LayerBudget(LoraPlan plan, LoadOptions loaded, Recompute recompute, OptionalLong bytes) {
    this.plan = plan;
    this.loaded = loaded;
    this.recompute = recompute;
    this.bytes = bytes;
  }

  /** The budget that was asked for, or else what the machine has free now. */
  static LayerBudget of(PeftModel<CausalLm> peft, Recompute recompute) {
    LoadOptions loaded = peft.model().options();
    OptionalLong bytes = loaded.memoryBudget();
    if (bytes.isEmpty() && recompute == Recompute.AUTO) {
      StepMemory least = peft.plan().stepMemory(loaded.precision().step(1, 0, loaded.device()));
      long held = least.weights() + least.adapter() + least.runtime();
      bytes = MachineMemory.budget(loaded.device(), held);
    }
    return new LayerBudget(peft.plan(), loaded, recompute, bytes);
  }

  int keptLayers(TokenBatch batch) {
    return switch (recompute) {
      case ON -> 1;
      case OFF -> StepShape.ALL_LAYERS;
      case AUTO ->
          bytes.isEmpty()
              ? StepShape.ALL_LAYERS
              : plan.keptLayersWithin(
                      shape(batch.size(), batch.scoredPositions()), bytes.getAsLong())
                  .orElse(0);
    };
  }

  private StepShape shape(long tokens, long labels) {
    return loaded.precision().step(tokens, labels, loaded.device());
  }

  /**
   * Refuses a training whose largest pass does not fit the budget that was asked for. A machine's
   * free memory refuses nothing: it may be more by the time it is needed.
   *
   * @throws LoraException with what the step would take and what would take less
   */
  void requireFits(DataSurvey data, int batchSize) {
    OptionalLong asked = loaded.memoryBudget();
    if (asked.isEmpty()) {
      return;
    }
    int[] tokens = Arrays.stream(data.lengths()).sorted().toArray();
    int[] labels = Arrays.stream(data.labels()).sorted().toArray();
    StepShape largest = shape(largest(tokens, batchSize), largest(labels, batchSize));
    StepMemory memory = plan.stepMemory(largest.keeping(leastKept()));
    if (memory.total() > asked.getAsLong()) {
      StepMemory single = plan.stepMemory(shape(largest(tokens, 1), largest(labels, 1)).keeping(0));
      throw new LoraException(
          message(memory, largest, asked.getAsLong(), batchSize, largest(tokens, 1), single));
    }
  }

  private int leastKept() {
    return switch (recompute) {
      case ON -> 1;
      case OFF -> StepShape.ALL_LAYERS;
      case AUTO -> 0;
    };
  }

  private String message(
      StepMemory memory,
      StepShape largest,
      long budget,
      int batchSize,
      long longest,
      StepMemory single) {
    String layers =
        switch (recompute) {
          case ON -> "with all layers but the last recomputed";
          case OFF -> "with no layer recomputed";
          case AUTO -> "with every layer recomputed";
        };
    StepMemory least = plan.stepMemory(largest.keeping(0));
    String automatic =
        recompute == Recompute.AUTO || least.total() > budget
            ? ""
            : ", use Recompute.AUTO (down to %s)".formatted(gigabytes(least.total()));
    String smaller =
        batchSize == 1 ? "" : ", lower batchSize (1 takes %s)".formatted(gigabytes(single.total()));
    return ("a step of up to %,d tokens (batchSize %d, longest example %,d) would take %s %s;"
            + " memoryBudget is %s. Raise the budget%s%s, shorten the examples, or load the base in"
            + " a smaller precision than %s")
        .formatted(
            largest.tokens(),
            batchSize,
            longest,
            memory,
            layers,
            gigabytes(budget),
            automatic,
            smaller,
            loaded.precision());
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.2f GB", bytes / 1e9);
  }

  private static long largest(int[] sorted, int count) {
    return Arrays.stream(sorted, Math.max(0, sorted.length - count), sorted.length)
        .asLongStream()
        .sum();
  }
}
