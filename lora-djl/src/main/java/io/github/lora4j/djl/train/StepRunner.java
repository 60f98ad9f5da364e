package io.github.lora4j.djl.train;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.djl.model.Decoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Takes optimiser steps: reads the batches of a step, adds up their gradients, clips them and
 * updates the adapter. What a step does depends on its number, the adapter and the optimiser alone.
 */
final class StepRunner {

  /** Keeps the stream apart from that of the data order. */
  private static final long DROPOUT = 2;

  private static final double NANOS = 1e9;

  private final Decoder decoder;
  private final AdapterWeights adapter;
  private final AdamW optimizer;
  private final StepPlan plan;
  private final BatchReader reader;
  private final DataOrder dataOrder;
  private int orderedEpoch = -1;
  private int[] order = {};

  StepRunner(
      Decoder decoder,
      AdapterWeights adapter,
      AdamW optimizer,
      StepPlan plan,
      TrainingDataset dataset) {
    this.decoder = decoder;
    this.adapter = adapter;
    this.optimizer = optimizer;
    this.plan = plan;
    this.reader = new BatchReader(dataset, plan.options().batchSize());
    this.dataOrder =
        new DataOrder(plan.examples(), plan.options().seed(), plan.options().shuffle());
  }

  /**
   * Takes a step.
   *
   * @param step from 1
   * @return its record
   * @throws LoraException if loss or gradients are not finite; the adapter is then as before
   */
  TrainingStep take(int step) {
    long start = System.nanoTime();
    StepPlan.Window window = plan.window(step);
    List<TokenBatch> batches = read(window);
    long labels = batches.stream().mapToLong(TokenBatch::labelCount).sum();
    if (labels == 0) {
      throw new LoraException(
          "step %d has no label in any of its examples %s; leave them out or enlarge the batch"
              .formatted(step, Arrays.toString(examples(window))));
    }
    optimizer.clearGradients();
    double loss = 0;
    for (int i = 0; i < batches.size(); i++) {
      long seed = RandomStream.seed(plan.options().seed(), DROPOUT, step, i);
      try (Pass pass = Pass.training(decoder.manager(), batches.get(i), adapter, seed)) {
        loss += decoder.lossAndGradients(pass, 1.0 / labels, plan.options().recompute());
      }
    }
    requireFinite("loss", loss, step, window);
    double norm = optimizer.gradientNorm();
    requireFinite("norm of the gradients", norm, step, window);
    optimizer.clip(norm);
    double rate = plan.learningRate(step);
    optimizer.update(step, rate);
    long tokens = batches.stream().mapToLong(TokenBatch::size).sum();
    double seconds = Math.max(1, System.nanoTime() - start) / NANOS;
    return new TrainingStep(
        step, plan.epochAfter(step), loss, norm, rate, tokens / seconds, ProcessMemory.peakBytes());
  }

  private List<TokenBatch> read(StepPlan.Window window) {
    if (window.epoch() != orderedEpoch) {
      order = dataOrder.of(window.epoch());
      orderedEpoch = window.epoch();
    }
    List<TokenBatch> batches = new ArrayList<>();
    for (int batch = window.firstBatch(); batch < window.endBatch(); batch++) {
      batches.add(reader.read(order, batch));
    }
    return batches;
  }

  private int[] examples(StepPlan.Window window) {
    int size = plan.options().batchSize();
    int end = Math.min(order.length, window.endBatch() * size);
    return Arrays.copyOfRange(order, window.firstBatch() * size, end);
  }

  private void requireFinite(String what, double value, int step, StepPlan.Window window) {
    if (!Double.isFinite(value)) {
      throw new LoraException(
          ("the %s of step %d is %s (learning rate %s, examples %s); the adapter is as after step"
                  + " %d. Lower the learning rate, lengthen the warmup, or look at these examples")
              .formatted(
                  what,
                  step,
                  value,
                  plan.learningRate(step),
                  Arrays.toString(examples(window)),
                  step - 1));
    }
  }
}
