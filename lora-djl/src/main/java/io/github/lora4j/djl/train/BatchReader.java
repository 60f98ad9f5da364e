package io.github.lora4j.djl.train;

import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.TokenBatch;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a dataset into batches.
 *
 * @param dataset the examples
 * @param batchSize examples of a batch; the last one of an epoch may have fewer
 */
record BatchReader(TrainingDataset dataset, int batchSize) {

  int batches() {
    return (int) (((long) dataset.size() + batchSize - 1) / batchSize);
  }

  /** The examples at places batch · size to (batch + 1) · size of an order. */
  TokenBatch read(int[] order, int batch) {
    int start = batch * batchSize;
    int end = Math.min(order.length, start + batchSize);
    List<int[]> tokens = new ArrayList<>();
    List<int[]> labels = new ArrayList<>();
    for (int i = start; i < end; i++) {
      TokenExample example = dataset.get(order[i]);
      tokens.add(example.tokens());
      labels.add(example.labels());
    }
    return TokenBatch.of(tokens, labels);
  }
}
