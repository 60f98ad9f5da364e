package io.github.lora4j;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.util.Map;
import java.util.Objects;
import java.util.Random;

/** Adapters on a small model whose tensors all differ from their start, and what they add. */
final class MiniAdapters {

  private MiniAdapters() {}

  static PeftModel<FloatMlp> random(FloatMlp base, LoraConfig.Builder config, long seed) {
    PeftModel<FloatMlp> peft = PeftModel.wrap(base, config.build());
    Random random = new Random(seed);
    for (TensorData tensor : peft.model().adapter().values()) {
      for (int i = 0; i < tensor.values().length; i++) {
        tensor.values()[i] += (float) (0.3 * random.nextGaussian());
      }
    }
    return peft;
  }

  static TensorData input(int width) {
    Random random = new Random(2);
    float[] values = new float[4 * width];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return TensorData.matrix(4, width, values);
  }

  /** What an adapter adds to a tensor of its base, by merging. */
  static double[] delta(PeftModel<FloatMlp> view, FloatMlp base, String name) {
    float[] merged = get(view.merge().weights(), name).values();
    float[] before = get(base.weights(), name).values();
    double[] delta = new double[merged.length];
    for (int i = 0; i < delta.length; i++) {
      delta[i] = (double) merged[i] - before[i];
    }
    return delta;
  }

  static TensorData get(Map<String, TensorData> tensors, String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }

  /** The largest difference / the largest element. */
  static double difference(TensorData one, TensorData other) {
    double largest = 0;
    double scale = 0;
    for (int i = 0; i < one.values().length; i++) {
      largest = Math.max(largest, Math.abs((double) one.values()[i] - other.values()[i]));
      scale = Math.max(scale, Math.abs((double) other.values()[i]));
    }
    return largest / scale;
  }
}
