package io.github.lora4j.djl.train;

import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;

/**
 * Evaluates a model on held-out examples. Every label counts the same, whatever batch it is in, so
 * that the loss does not depend on the batch size.
 */
final class Validation {

  private final BatchReader reader;
  private final int[] order;

  Validation(TrainingDataset dataset, int batchSize) {
    this.reader = new BatchReader(dataset, batchSize);
    this.order = new DataOrder(dataset.size(), 0, false).of(0);
  }

  /** Mean cross-entropy per label, nats, without dropout. */
  double loss(CausalLm model) {
    double sum = 0;
    long labels = 0;
    for (int i = 0; i < reader.batches(); i++) {
      TokenBatch batch = reader.read(order, i);
      try (Pass pass =
          Pass.inference(model.decoder().manager(), batch, model.segments(batch.rows()))) {
        sum += model.decoder().loss(pass, 1.0);
      }
      labels += batch.labelCount();
    }
    return sum / labels;
  }
}
