package io.github.lora4j.djl.train;

import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.TokenBatch;
import java.util.Arrays;
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
    return batch(Arrays.stream(order, start, end).mapToObj(dataset::get).toList());
  }

  static TokenBatch batch(List<TokenExample> examples) {
    return TokenBatch.of(
        examples.stream().map(TokenExample::tokens).toList(),
        examples.stream().map(TokenExample::labels).toList());
  }
}
