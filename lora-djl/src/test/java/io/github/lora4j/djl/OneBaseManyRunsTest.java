package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.data.TokenDataset;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.generate.GenerationOptions;
import io.github.lora4j.djl.generate.GenerationRequest;
import io.github.lora4j.djl.generate.TextGenerator;
import io.github.lora4j.djl.train.LoraTrainer;
import io.github.lora4j.djl.train.ManagedArrays;
import io.github.lora4j.djl.train.TrainingOptions;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Two trainings and two generations at once on one base, each with an adapter of its own. */
final class OneBaseManyRunsTest {

  private static final Path ADAPTERS =
      Path.of("src/test/resources/golden/bloom/power-of-two/adapters");
  private static final List<LoraConfig> CONFIGS =
      List.of(
          LoraConfig.builder().rank(4).alpha(8).dropout(0.1).targetModules("dense").build(),
          LoraConfig.builder().rank(2).alpha(3).targetModules("query_key_value").build());
  private static final TrainingDataset DATA =
      TokenDataset.of(
          List.of(
              new int[] {7, 90, 12, 33, 5},
              new int[] {55, 2, 4},
              new int[] {8, 9, 10, 11, 12, 13},
              new int[] {60, 61},
              new int[] {3, 3, 3, 3}));
  private static final GenerationOptions GREEDY =
      GenerationOptions.builder().maxNewTokens(20).build();
  private static final GenerationOptions DRAWN =
      GenerationOptions.builder().maxNewTokens(20).temperature(1.3).seed(4).build();

  @Test
  void trainingsAndGenerationsAtOnceEqualTheirRunsAlone() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try (CausalLm base = CausalLm.load(TinyCheckpoint.GOLDEN, LoadOptions.builder().build());
        PeftModel<CausalLm> first = PeftModel.fromPretrained(base, ADAPTERS.resolve("bias-all"));
        PeftModel<CausalLm> second =
            PeftModel.fromPretrained(base, ADAPTERS.resolve("every-linear"))) {
      List<GenerationRequest> requests =
          List.of(
              GenerationRequest.of("Moon").adapter(first),
              GenerationRequest.of("Cheese is").adapter(second),
              GenerationRequest.of("x"));
      List<String> greedy = TextGenerator.of(base).generate(requests, GREEDY);
      List<String> drawn = TextGenerator.of(base).generate(requests, DRAWN);
      List<Map<String, TensorData>> alone =
          List.of(trained(base, CONFIGS.get(0)), trained(base, CONFIGS.get(1)));
      int arrays = ManagedArrays.below(base.decoder().manager());
      long weights = base.decoder().weightBytes();
      long adapters = first.nativeBytes() + second.nativeBytes();

      CountDownLatch training = new CountDownLatch(2);
      List<Future<Map<String, TensorData>>> runs = new ArrayList<>();
      for (LoraConfig config : CONFIGS) {
        runs.add(
            threads.submit(
                () -> {
                  try {
                    return trained(base, config);
                  } finally {
                    training.countDown();
                  }
                }));
      }
      Future<Integer> greedyRounds =
          threads.submit(() -> roundsUntil(training, base, requests, GREEDY, greedy));
      Future<Integer> drawnRounds =
          threads.submit(() -> roundsUntil(training, base, requests, DRAWN, drawn));

      for (int i = 0; i < 2; i++) {
        assertThat(bits(runs.get(i).get())).isEqualTo(bits(alone.get(i)));
      }
      assertThat(bits(alone.get(0))).isNotEqualTo(bits(alone.get(1)));
      assertThat(greedyRounds.get()).isPositive();
      assertThat(drawnRounds.get()).isPositive();
      assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(arrays);
      assertThat(base.decoder().weightBytes()).isEqualTo(weights);
      assertThat(first.nativeBytes() + second.nativeBytes()).isEqualTo(adapters);
    } finally {
      threads.shutdown();
    }
  }

  private static Map<String, TensorData> trained(CausalLm base, LoraConfig config)
      throws IOException {
    TrainingOptions options =
        TrainingOptions.builder().batchSize(2).maxSteps(30).learningRate(0.01).seed(5).build();
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config)) {
      LoraTrainer.builder(peft).options(options).progressBar(false).build().train(DATA);
      // values and gradients, fp32: all that a training adds to the base but its moments
      assertThat(peft.nativeBytes()).isEqualTo(8 * peft.parameterCount().trainable());
      return peft.tensors();
    }
  }

  private static int roundsUntil(
      CountDownLatch done,
      CausalLm base,
      List<GenerationRequest> requests,
      GenerationOptions options,
      List<String> expected) {
    int rounds = 0;
    do {
      assertThat(TextGenerator.of(base).generate(requests, options)).isEqualTo(expected);
      rounds++;
    } while (done.getCount() > 0);
    return rounds;
  }

  private static Map<String, List<Integer>> bits(Map<String, TensorData> tensors) {
    Map<String, List<Integer>> bits = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) -> {
          List<Integer> values = new ArrayList<>();
          for (float value : tensor.values()) {
            values.add(Float.floatToRawIntBits(value));
          }
          bits.put(name, values);
        });
    return bits;
  }
}
