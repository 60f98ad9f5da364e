package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import io.github.lora4j.Bias;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TargetModules;
import io.github.lora4j.TaskType;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Trains and saves adapters for {@code tools/golden/check_java_adapter.py}, which loads them in
 * PEFT, and merged models for {@code check_java_model.py}. No part of the build: run it by name,
 * with the property {@code lora4j.export}.
 */
final class JavaAdapterExport {

  private static final int STEPS = 3;

  private final Path target = Path.of(System.getProperty("lora4j.export", "target/java-adapters"));

  @ParameterizedTest
  @ValueSource(strings = {"power-of-two", "six-heads", "tied", "untied"})
  void writesAdaptersAndTheirScores(String name) throws IOException {
    BloomGolden golden = new BloomGolden(name);
    try (CausalLm base = golden.load(Precision.FP32)) {
      for (Map.Entry<String, LoraConfig> entry : configs().entrySet()) {
        Path directory = Files.createDirectories(target.resolve(name + "-" + entry.getKey()));
        try (PeftModel<CausalLm> peft = PeftModel.wrap(base, entry.getValue())) {
          train(golden, peft.model());
          peft.save(directory.resolve("adapter"));
          write(directory, name, golden.rows(), peft.model(), Precision.FP32);
        }
      }
    }
  }

  /** Sums, multiples and reductions of what {@link #writesAdaptersAndTheirScores} makes. */
  @ParameterizedTest
  @ValueSource(strings = {"power-of-two", "six-heads"})
  void writesCombinedAdapters(String name) throws IOException {
    BloomGolden golden = new BloomGolden(name);
    try (CausalLm base = golden.load(Precision.FP32);
        PeftModel<CausalLm> biases = trained(golden, base, "own-biases");
        PeftModel<CausalLm> patterns = trained(golden, base, "patterns");
        PeftModel<CausalLm> layer = trained(golden, base, "some-layers");
        PeftModel<CausalLm> sum =
            PeftModel.combine(List.of(patterns, biases, layer), 0.8, -0.5, 2);
        PeftModel<CausalLm> reduced = PeftModel.reduced(sum, 3).view();
        PeftModel<CausalLm> opposite = PeftModel.scaled(patterns, -1)) {
      Map<String, PeftModel<CausalLm>> views =
          Map.of("sum", sum, "reduced", reduced, "opposite", opposite);
      for (Map.Entry<String, PeftModel<CausalLm>> view : views.entrySet()) {
        Path directory = Files.createDirectories(target.resolve(name + "-" + view.getKey()));
        view.getValue().save(directory.resolve("adapter"));
        write(directory, name, golden.rows(), view.getValue().model(), Precision.FP32);
      }
    }
  }

  /** Merged models for {@code tools/golden/check_java_model.py}. */
  @ParameterizedTest
  @ValueSource(strings = {"power-of-two", "six-heads"})
  void writesMergedModelsAndTheirScores(String name) throws IOException {
    BloomGolden golden = new BloomGolden(name);
    for (Precision precision : List.of(Precision.FP32, Precision.FP16, Precision.BF16)) {
      for (long shard : new long[] {20_000, 5_000_000_000L}) {
        try (CausalLm base = golden.load(precision);
            PeftModel<CausalLm> peft = trained(golden, base, "biases");
            CausalLm merged = peft.merge()) {
          Path directory =
              Files.createDirectories(
                  target.resolve("models/%s-%s-%d".formatted(name, precision, shard)));
          merged.save(directory.resolve("model"), shard);
          try (CausalLm exact =
              CausalLm.load(directory.resolve("model"), LoadOptions.builder().build())) {
            write(directory, name, golden.rows(), exact, precision);
          }
        }
      }
    }
  }

  /** Merged models whose words an adapter changed: untied heads, other vocabularies. */
  @ParameterizedTest
  @ValueSource(strings = {"tied", "untied"})
  void writesModelsWithMergedWordsAndTheirScores(String name) throws IOException {
    try (CausalLm base = OwnTensorsGolden.load(name, Precision.FP32)) {
      for (OwnTensorsGolden golden : OwnTensorsGolden.of(name)) {
        Path directory = target.resolve("models/%s-%s".formatted(name, golden.name));
        Files.createDirectories(directory);
        try (PeftModel<CausalLm> peft = golden.load(base, false);
            CausalLm merged = peft.merge()) {
          merged.save(directory.resolve("model"));
          write(directory, name, golden.rows(), merged, Precision.FP32);
        }
      }
    }
  }

  /** Adapters of PEFT, of other vocabularies too, trained further here. */
  @ParameterizedTest
  @ValueSource(strings = {"tied", "untied"})
  void writesAdaptersOfPeftTrainedFurther(String name) throws IOException {
    BloomGolden batch = new BloomGolden(name);
    try (CausalLm base = batch.load(Precision.FP32)) {
      for (OwnTensorsGolden golden : OwnTensorsGolden.of(name)) {
        Path directory = target.resolve(name + "-further-" + golden.name);
        Files.createDirectories(directory);
        try (PeftModel<CausalLm> peft = golden.load(base, true)) {
          train(batch, peft.model());
          peft.save(directory.resolve("adapter"));
          write(directory, name, golden.rows(), peft.model(), Precision.FP32);
        }
      }
    }
  }

  private static PeftModel<CausalLm> trained(BloomGolden golden, CausalLm base, String config) {
    LoraConfig of = java.util.Objects.requireNonNull(configs().get(config), config);
    PeftModel<CausalLm> peft = PeftModel.wrap(base, of);
    train(golden, peft.model());
    return peft;
  }

  @Test
  void everyConfigurationIsAnotherOne() {
    assertThat(configs().values().stream().map(LoraConfig::toJson)).doesNotHaveDuplicates();
  }

  private static Map<String, LoraConfig> configs() {
    Map<String, LoraConfig> configs = new LinkedHashMap<>();
    configs.put("attention", builder().targetModules("query_key_value").build());
    configs.put("all-linear", builder().targetModules(TargetModules.allLinear()).build());
    configs.put("biases", builder().targetModules("dense").bias(Bias.ALL).build());
    configs.put("embedding", builder().targetModules("word_embeddings", "dense").build());
    configs.put("head", builder().targetModules("lm_head", "query_key_value").build());
    configs.put(
        "whole-modules",
        builder()
            .targetModules("query_key_value")
            .modulesToSave("ln_f", "lm_head", "dense", "word_embeddings_layernorm")
            .build());
    configs.put(
        "whole-embedding",
        builder()
            .targetModules("query_key_value")
            .modulesToSave("word_embeddings")
            .bias(Bias.LORA_ONLY)
            .build());
    configs.put(
        "own-biases",
        builder().targetModules("query_key_value", "dense").bias(Bias.LORA_ONLY).build());
    configs.put(
        "patterns",
        builder()
            .targetModules(TargetModules.matching(".*(query_key_value|dense_h_to_4h)"))
            .rankPattern(Map.of("h.1.mlp.dense_h_to_4h", 2))
            .alphaPattern(Map.of("h.0.self_attention.query_key_value", 3.0))
            .rsLora(true)
            .build());
    configs.put(
        "some-layers",
        builder().targetModules("dense_4h_to_h").layersToTransform(1).layersPattern("h").build());
    configs.put("pissa", builder().init(LoraInit.PISSA).targetModules("query_key_value").build());
    configs.put(
        "olora-patterns",
        builder()
            .init(LoraInit.OLORA)
            .alpha(1)
            .targetModules("query_key_value", "dense")
            .rankPattern(Map.of("dense", 2))
            .rsLora(true)
            .build());
    configs.put("dora", builder().dora(true).rank(2).targetModules("query_key_value").build());
    configs.put(
        "dora-patterns",
        builder()
            .dora(true)
            .targetModules(TargetModules.allLinear())
            .rankPattern(Map.of("h.1.mlp.dense_h_to_4h", 2))
            .alphaPattern(Map.of("h.0.self_attention.query_key_value", 3.0))
            .rsLora(true)
            .build());
    return configs;
  }

  private static LoraConfig.Builder builder() {
    return LoraConfig.builder()
        .rank(4)
        .alpha(8)
        .dropout(0.1)
        .init(LoraInit.RANDOM)
        .taskType(TaskType.CAUSAL_LM);
  }

  private static void train(BloomGolden golden, CausalLm model) {
    AdapterWeights weights = model.adapter().orElseThrow();
    TokenBatch batch = TokenBatch.of(golden.lossRows(), golden.labels());
    for (int step = 0; step < STEPS; step++) {
      Kernels.get().run("fill_zero", weights.flatGradients());
      try (Pass pass = Pass.training(model.decoder().manager(), batch, weights, step)) {
        model.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), false);
      }
      Kernels.get().run("scale_in_place", weights.flatGradients(), -0.05);
      Kernels.get().run("add_in_place", weights.flatValues(), weights.flatGradients());
      weights.changed();
    }
  }

  private static void write(
      Path directory, String checkpoint, int[][] rows, CausalLm model, Precision precision)
      throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    float[][][] logits = model.logits(rows);
    for (int row = 0; row < rows.length; row++) {
      int width = logits[row][0].length;
      float[] flat = new float[logits[row].length * width];
      for (int position = 0; position < logits[row].length; position++) {
        System.arraycopy(logits[row][position], 0, flat, position * width, width);
      }
      writer.add("logits/" + row, List.of((long) logits[row].length, (long) width), flat);
    }
    writer.writeTo(directory.resolve("logits.safetensors"));
    Files.writeString(
        directory.resolve("case.json"),
        new Gson()
            .toJson(Map.of("checkpoint", checkpoint, "rows", rows, "dtype", dtype(precision))));
  }

  private static String dtype(Precision precision) {
    return switch (precision) {
      case FP16 -> "float16";
      case BF16 -> "bfloat16";
      default -> "float32";
    };
  }
}
