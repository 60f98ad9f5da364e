package io.github.lora4j.djl.train;

import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.RandomStream;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.djl.model.Decoder;
import java.util.Arrays;
import java.util.List;

/**
 * Takes optimiser steps: reads the batches of a step, adds up their gradients, clips them and
 * updates the adapter. What a step does depends on its number, the adapter, the optimiser and the
 * scale of the loss alone.
 *
 * <p>A model that computes in fp16 has its loss scaled. A step whose gradients overflow then is
 * skipped, as by Hugging Face's Trainer: it counts as a step of the run and uses its batches up,
 * but weights, moments, the optimiser's count of steps and the schedule stay where they are, so
 * that the next step is taken with the same learning rate.
 */
final class StepRunner {

  /** Keeps the stream apart from that of the data order. */
  private static final long DROPOUT = 2;

  private static final double NANOS = 1e9;

  private final Decoder decoder;
  private final AdapterWeights adapter;
  private final AdamW optimizer;
  private final StepPlan plan;
  private final LayerBudget memory;
  private final WindowReader reader;
  private LossScale scale;

  StepRunner(
      Decoder decoder,
      AdapterWeights adapter,
      AdamW optimizer,
      StepPlan plan,
      LayerBudget memory,
      WindowReader reader) {
    this.decoder = decoder;
    this.adapter = adapter;
    this.optimizer = optimizer;
    this.plan = plan;
    this.memory = memory;
    this.reader = reader;
    this.scale = LossScale.startingFor(decoder.computeType());
  }

  LossScale lossScale() {
    return scale;
  }

  /** Goes on with the scale of a checkpoint. */
  void restore(LossScale saved) {
    scale = scale.resumedFrom(saved);
  }

  /**
   * Takes a step.
   *
   * @param step from 1
   * @return its record
   * @throws LoraException if the loss is not finite, or the gradients are not and no smaller scale
   *     of the loss may help; the adapter is then as before
   */
  TrainingStep take(int step) {
    long start = System.nanoTime();
    StepPlan.Window window = plan.window(step);
    List<TokenBatch> batches = reader.passes(window);
    long labels = batches.stream().mapToLong(TokenBatch::labelCount).sum();
    if (labels == 0) {
      throw new LoraException(
          "step %d has no label in any of its examples %s; leave them out or enlarge the batch"
              .formatted(step, Arrays.toString(reader.examples(window))));
    }
    double loss = lossAndGradients(step, batches, labels);
    requireFinite("loss", loss, step, window);
    double rate = learningRate(step);
    double norm = optimizer.gradientNorm();
    if (scale.adapts() && !Double.isFinite(norm)) {
      norm = TrainingStep.SKIPPED;
      scale = scale.afterSkippedStep();
      requireScale(step, window);
    } else {
      requireFinite("norm of the gradients", norm, step, window);
      optimizer.clip(norm);
      optimizer.update(step - scale.skippedSteps(), rate);
      scale = scale.afterGoodStep();
    }
    long tokens = batches.stream().mapToLong(batch -> batch.unshared().size()).sum();
    double seconds = Math.max(1, System.nanoTime() - start) / NANOS;
    return new TrainingStep(
        step, plan.epochAfter(step), loss, norm, rate, tokens / seconds, ProcessMemory.peakBytes());
  }

  /** The loss and, in the adapter's buffer, its gradients, both without the scale. */
  private double lossAndGradients(int step, List<TokenBatch> batches, long labels) {
    optimizer.clearGradients();
    double loss = 0;
    for (int i = 0; i < batches.size(); i++) {
      long seed = RandomStream.seed(plan.options().seed(), DROPOUT, step, i);
      try (Pass pass = Pass.training(decoder.manager(), batches.get(i), adapter, seed)) {
        double factor = scale.factor() * (1.0 / labels);
        loss += decoder.lossAndGradients(pass, factor, memory.keptLayers(batches.get(i)));
      }
    }
    optimizer.unscale(scale);
    optimizer.keepTrained();
    return loss / scale.factor();
  }

  private double learningRate(int step) {
    return plan.learningRate(step - scale.skippedSteps());
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
                  learningRate(step),
                  Arrays.toString(reader.examples(window)),
                  step - 1));
    }
  }

  private void requireScale(int step, StepPlan.Window window) {
    if (scale.exhausted()) {
      throw new LoraException(
          ("the gradients of step %d are not finite, though the loss is and its scale has been"
                  + " halved down to 1 (examples %s); the adapter is as after step %d. Load the base"
                  + " in bf16 or fp32, or look at these examples")
              .formatted(step, Arrays.toString(reader.examples(window)), step - 1));
    }
  }
}
