package io.github.lora4j.bench;

import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Losses and gradients of one adapter on the batches of a job. */
final class Steps {

  private final CausalLm view;
  private final AdapterWeights adapter;
  private final List<TokenBatch> batches;
  private final boolean recompute;

  Steps(CausalLm view, Job job) {
    this.view = view;
    this.adapter = view.adapter().orElseThrow();
    this.batches = job.tokenBatches();
    this.recompute = job.recompute();
  }

  /** Loss of the first batch; its gradients stay until {@link #clear}. */
  double first() {
    return step(batches.get(0));
  }

  /** Losses of all batches, one gradient step each. */
  List<Double> all() {
    List<Double> losses = new ArrayList<>();
    for (TokenBatch batch : batches) {
      losses.add(step(batch));
      clear();
    }
    return losses;
  }

  private double step(TokenBatch batch) {
    try (Pass pass = Pass.training(view.decoder().manager(), batch, adapter, 0)) {
      return view.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), recompute);
    }
  }

  void clear() {
    Kernels.get().run("fill_zero", adapter.flatGradients());
  }

  void writeGradients(Path file) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    adapter
        .readGradients()
        .forEach((name, tensor) -> writer.add(name, tensor.shape(), tensor.values()));
    writer.writeTo(file);
  }
}
