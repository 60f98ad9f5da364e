package io.github.lora4j.djl.generate;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Adapters that all differ, and what each of them answers when it is asked alone, one question
 * after another, before any race begins.
 */
final class RaceOracle {

  static final int ADAPTERS = 16;

  static final List<String> PROMPTS = List.of("Moon", "x", "The answer is");

  private static final List<String[]> TARGETS =
      List.of(
          new String[] {"query_key_value"},
          new String[] {"dense"},
          new String[] {"query_key_value", "dense_4h_to_h"},
          new String[] {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"});

  private static final int[] IDS = {5, 40, 7, 99, 23};

  private final List<Path> directories = new ArrayList<>();
  private final List<List<String>> greedy = new ArrayList<>();
  private final List<List<String>> sampled = new ArrayList<>();
  private final List<float[][]> logits = new ArrayList<>();

  /**
   * Makes the adapters and asks them. The last answers are those of the bare base.
   *
   * @param base shared by all
   * @param directory where the adapters go
   */
  RaceOracle(CausalLm base, Path directory) throws IOException {
    Random random = new Random(77);
    for (int i = 0; i < ADAPTERS; i++) {
      directories.add(directory.resolve("adapter-" + i));
      write(base, directories.get(i), 1 + i % 7, TARGETS.get(i % TARGETS.size()), random);
      try (PeftModel<CausalLm> view = PeftModel.fromPretrained(base, directories.get(i))) {
        ask(view.model());
      }
    }
    ask(base);
  }

  private static void write(
      CausalLm base, Path directory, int rank, String[] targets, Random random) throws IOException {
    LoraConfig config = LoraConfig.builder().rank(rank).alpha(8).targetModules(targets).build();
    try (PeftModel<CausalLm> view = PeftModel.wrap(base, config)) {
      AdapterWeights weights = view.model().adapter().orElseThrow();
      Map<String, TensorData> values = new LinkedHashMap<>();
      weights
          .read()
          .forEach(
              (name, tensor) -> {
                float[] noise = new float[tensor.values().length];
                for (int i = 0; i < noise.length; i++) {
                  noise[i] = (float) random.nextGaussian() * 0.3f;
                }
                values.put(name, new TensorData(tensor.shape(), noise));
              });
      weights.write(values);
      view.save(directory);
    }
  }

  private void ask(CausalLm model) {
    TextGenerator generator = TextGenerator.of(model);
    greedy.add(PROMPTS.stream().map(p -> generator.generate(p, options(false))).toList());
    sampled.add(PROMPTS.stream().map(p -> generator.generate(p, options(true))).toList());
    logits.add(logitsOf(model));
  }

  /** Six tokens, drawn or not. */
  static GenerationOptions options(boolean sampling) {
    GenerationOptions.Builder options = GenerationOptions.builder().maxNewTokens(6).seed(5);
    return sampling ? options.temperature(1.2).topK(40).build() : options.build();
  }

  static float[][] logitsOf(CausalLm model) {
    return model.logits(IDS)[0];
  }

  Path directory(int adapter) {
    return directories.get(adapter);
  }

  /** The text of an adapter, or of the base if it is {@link #ADAPTERS}. */
  String text(int adapter, int prompt, boolean sampling) {
    return (sampling ? sampled : greedy).get(adapter).get(prompt);
  }

  float[][] logits(int adapter) {
    return logits.get(adapter);
  }

  /** Greedy texts of all adapters and of the base. */
  List<String> greedyTexts() {
    return greedy.stream().flatMap(List::stream).toList();
  }
}
