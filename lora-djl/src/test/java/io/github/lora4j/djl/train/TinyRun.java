package io.github.lora4j.djl.train;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.LoadOptions;
import io.github.lora4j.djl.MatrixLibrary;
import io.github.lora4j.djl.data.TokenDataset;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parts of small trainings: a base of two layers, an adapter with dropout, rows to learn. */
final class TinyRun {

  static final String CHECKPOINT = "src/test/resources/golden/bloom/power-of-two/checkpoint";
  static final int VOCABULARY = 101;

  private TinyRun() {}

  static CausalLm base() throws IOException {
    return base(MatrixLibrary.MKL);
  }

  /** Fixed, since runs of two processes are compared bit by bit. */
  static CausalLm base(MatrixLibrary library) throws IOException {
    return CausalLm.load(CHECKPOINT, LoadOptions.builder().matrixLibrary(library).build());
  }

  static PeftModel<CausalLm> wrap(CausalLm base) {
    return PeftModel.wrap(base, config(0.1).build());
  }

  static LoraConfig.Builder config(double dropout) {
    return LoraConfig.builder()
        .rank(4)
        .alpha(8)
        .dropout(dropout)
        .targetModules("query_key_value", "dense_h_to_4h");
  }

  /** Rows of 3 to 12 tokens in which each token decides the next. */
  static TrainingDataset dataset(int size) {
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      int[] row = new int[3 + i * 7 % 10];
      row[0] = 4 + i * 31 % 97;
      for (int t = 1; t < row.length; t++) {
        row[t] = 4 + (row[t - 1] * 5 + 3) % 24;
      }
      rows.add(row);
    }
    return TokenDataset.of(rows);
  }

  /** Shuffled, accumulated, ending in small batches: 7 batches and 3 steps an epoch of 13 rows. */
  static TrainingOptions.Builder options() {
    return TrainingOptions.builder()
        .batchSize(2)
        .gradientAccumulation(3)
        .maxSteps(7)
        .learningRate(0.01)
        .warmupSteps(2)
        .weightDecay(0.01);
  }

  static LoraTrainer.Builder trainer(PeftModel<CausalLm> peft, TrainingOptions options) {
    return LoraTrainer.builder(peft).options(options).progressBar(false);
  }

  /** All values as bits, so that comparing them knows no tolerance. */
  static Map<String, List<Integer>> bits(PeftModel<CausalLm> peft) {
    Map<String, List<Integer>> bits = new LinkedHashMap<>();
    for (Map.Entry<String, TensorData> tensor : peft.tensors().entrySet()) {
      List<Integer> values = new ArrayList<>();
      for (float value : tensor.getValue().values()) {
        values.add(Float.floatToRawIntBits(value));
      }
      bits.put(tensor.getKey(), values);
    }
    return bits;
  }
}
