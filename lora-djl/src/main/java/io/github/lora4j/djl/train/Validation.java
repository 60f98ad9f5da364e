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
  private final boolean sharePassages;

  Validation(TrainingDataset dataset, int batchSize, boolean sharePassages) {
    this.reader = new BatchReader(dataset, batchSize);
    this.order = new DataOrder(dataset.size(), 0, false).of(0);
    this.sharePassages = sharePassages;
  }

  /** Mean cross-entropy per label, nats, without dropout. */
  double loss(CausalLm model) {
    double sum = 0;
    long labels = 0;
    for (int i = 0; i < reader.batches(); i++) {
      TokenBatch read = reader.read(order, i);
      TokenBatch batch = sharePassages ? read.shared() : read;
      try (Pass pass =
          Pass.inference(model.decoder().manager(), batch, model.segments(batch.rows()))) {
        sum += model.decoder().loss(pass, 1.0);
      }
      labels += batch.labelCount();
    }
    return sum / labels;
  }
}
