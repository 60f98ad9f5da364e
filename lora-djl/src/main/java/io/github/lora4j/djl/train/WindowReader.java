package io.github.lora4j.djl.train;

import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.TokenBatch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the examples of an optimiser step, cut into the passes that it takes. */
final class WindowReader {

  private static final Logger LOG = LoggerFactory.getLogger(WindowReader.class);

  private final TrainingDataset dataset;
  private final int batchSize;
  private final EpochOrder epochs;
  private final boolean shares;
  private int orderedEpoch = -1;
  private int[] order = {};

  private WindowReader(TrainingDataset dataset, int batchSize, EpochOrder epochs, boolean shares) {
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.epochs = epochs;
    this.shares = shares;
  }

  static WindowReader of(
      StepPlan plan, TrainingDataset dataset, DataSurvey survey, AdapterWeights adapter) {
    boolean wanted = plan.options().sharePassages();
    if (wanted && adapter.dropsOut()) {
      LOG.warn(
          "sharePassages shares nothing, since the adapter drops out: every example has masks of"
              + " its own; wrap the base with dropout(0)");
    }
    return new WindowReader(
        dataset,
        plan.options().batchSize(),
        EpochOrder.of(plan, survey),
        wanted && !adapter.dropsOut());
  }

  /** Indices of the examples in the dataset. */
  int[] examples(StepPlan.Window window) {
    if (window.epoch() != orderedEpoch) {
      order = epochs.of(window.epoch());
      orderedEpoch = window.epoch();
    }
    int end = Math.min(order.length, window.endBatch() * batchSize);
    return Arrays.copyOfRange(order, window.firstBatch() * batchSize, end);
  }

  List<TokenBatch> passes(StepPlan.Window window) {
    List<TokenExample> examples = Arrays.stream(examples(window)).mapToObj(dataset::get).toList();
    List<List<TokenExample>> passes = new ArrayList<>();
    for (int start = 0; start < examples.size(); start += batchSize) {
      passes.add(examples.subList(start, Math.min(examples.size(), start + batchSize)));
    }
    return shares ? SharedPasses.of(passes) : passes.stream().map(BatchReader::batch).toList();
  }
}
