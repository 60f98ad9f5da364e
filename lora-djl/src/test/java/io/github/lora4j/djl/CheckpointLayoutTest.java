package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.lora4j.io.DType;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** One model, stored in all the ways in which checkpoints are stored. */
final class CheckpointLayoutTest {

  private static final int[] ROW = {5, 40, 17, 99, 8};
  private static final String EMBEDDING = "transformer.word_embeddings.weight";

  private final TinyCheckpoint checkpoint;
  private final float[][] expected;

  CheckpointLayoutTest(@TempDir Path temp) throws IOException {
    checkpoint = new TinyCheckpoint(temp.resolve("model"));
    expected = logits(Precision.FP32);
  }

  @Test
  void namesMayLackTheirPrefix() throws IOException {
    checkpoint.renamed(name -> name.substring("transformer.".length()));

    assertThat(logits(Precision.FP32)).isDeepEqualTo(expected);
  }

  @Test
  void weightsMayBeSpreadOverShards() throws IOException {
    checkpoint.sharded();

    assertThat(logits(Precision.FP32)).isDeepEqualTo(expected);
  }

  @Test
  void headOfATiedModelMayStandInTheFileAndIsNotUsed() throws IOException {
    Map<String, TensorData> tensors = TinyCheckpoint.tensors();
    tensors.put("lm_head.weight", scaled(tensors, 3));
    checkpoint.weights(tensors, DType.F32);

    assertThat(logits(Precision.FP32)).isDeepEqualTo(expected);
    try (CausalLm base = checkpoint.load(Precision.FP32)) {
      assertThat(base.modules().parameters()).noneMatch(p -> p.name().startsWith("lm_head"));
    }
  }

  @Test
  void untiedHeadIsUsedAndCounted() throws IOException {
    Map<String, TensorData> tensors = TinyCheckpoint.tensors();
    tensors.put("lm_head.weight", scaled(tensors, 2));
    checkpoint
        .weights(tensors, DType.F32)
        .config(json -> json.addProperty("tie_word_embeddings", false));

    float[][] doubled = logits(Precision.FP32);

    for (int position = 0; position < ROW.length; position++) {
      for (int id = 0; id < doubled[position].length; id++) {
        assertThat(doubled[position][id]).isCloseTo(2 * expected[position][id], within(1e-5f));
      }
    }
    try (CausalLm base = checkpoint.load(Precision.FP32)) {
      assertThat(base.modules().parameters()).anyMatch(p -> p.name().equals("lm_head.weight"));
    }
  }

  private static TensorData scaled(Map<String, TensorData> tensors, float factor) {
    TensorData embedding = Objects.requireNonNull(tensors.get(EMBEDDING));
    float[] values = embedding.values().clone();
    for (int i = 0; i < values.length; i++) {
      values[i] *= factor;
    }
    return new TensorData(embedding.shape(), values);
  }

  @ParameterizedTest
  @CsvSource({
    "hidden_size, n_embed",
    "n_layer, num_hidden_layers",
    "n_head, num_attention_heads",
  })
  void configurationMayUseOldAndNewKeys(String key, String other) throws IOException {
    checkpoint.config(json -> json.add(other, json.remove(key)));

    assertThat(logits(Precision.FP32)).isDeepEqualTo(expected);
  }

  @Test
  void nEmbedWinsOverHiddenSizeAsInTransformers() throws IOException {
    checkpoint.config(
        json -> {
          json.addProperty("n_embed", json.get("hidden_size").getAsInt());
          json.addProperty("hidden_size", 64);
        });

    assertThat(logits(Precision.FP32)).isDeepEqualTo(expected);
  }

  /** All keys that the configuration of the published bloom-560m has. */
  @Test
  void keysOfPublishedModelsAreUnderstoodOrIgnored() throws IOException {
    JsonObject published =
        JsonParser.parseString(
                """
                {"apply_residual_connection_post_layernorm": false, "attention_dropout": 0.0,
                 "attention_softmax_in_fp32": true, "bias_dropout_fusion": true, "bos_token_id": 1,
                 "eos_token_id": 2, "pad_token_id": 3, "unk_token_id": 0, "hidden_dropout": 0.0,
                 "initializer_range": 0.02, "layer_norm_epsilon": 1e-05,
                 "masked_softmax_fusion": true, "model_type": "bloom", "n_embed": 32,
                 "n_inner": null, "n_layer": 2, "num_attention_heads": 4, "offset_alibi": 100,
                 "pretraining_tp": 2, "seq_length": 2048, "skip_bias_add": true,
                 "skip_bias_add_qkv": false, "slow_but_exact": false,
                 "transformers_version": "4.20.0", "use_cache": true, "vocab_size": 101,
                 "architectures": ["BloomModel"]}
                """)
            .getAsJsonObject();
    checkpoint.config(
        json -> {
          for (String key : json.keySet().toArray(new String[0])) {
            json.remove(key);
          }
          for (Map.Entry<String, JsonElement> entry : published.entrySet()) {
            json.add(entry.getKey(), entry.getValue());
          }
        });

    assertThat(logits(Precision.FP32)).isDeepEqualTo(expected);
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16", "F64"})
  void everyPrecisionReadsEveryFloatingType(DType stored) throws IOException {
    checkpoint.weights(TinyCheckpoint.tensors(), stored);

    float[][] full = logits(Precision.FP32);

    // the file is rounded to 8 bits at worst, and the sums of 2 layers amplify that
    assertClose(full, expected, stored == DType.BF16 ? 0.5 : 0.05);
    assertClose(logits(Precision.FP16), full, stored == DType.F16 ? 0 : 0.05);
    assertClose(logits(Precision.BF16), full, 0.3);
  }

  @Test
  void parametersAreThoseOfTheFile() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.FP32)) {
      for (Map.Entry<String, TensorData> tensor : TinyCheckpoint.tensors().entrySet()) {
        assertThat(base.decoder().parameter(tensor.getKey())).isEqualTo(tensor.getValue());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void vectorsStayInFp32WhateverThePrecision(Precision precision) throws IOException {
    try (CausalLm base = checkpoint.load(precision)) {
      for (Map.Entry<String, TensorData> tensor : TinyCheckpoint.tensors().entrySet()) {
        if (tensor.getValue().shape().size() == 1) {
          assertThat(base.decoder().parameter(tensor.getKey())).isEqualTo(tensor.getValue());
        }
      }
    }
  }

  private float[][] logits(Precision precision) throws IOException {
    try (CausalLm base = checkpoint.load(precision)) {
      return base.logits(ROW)[0];
    }
  }

  private static void assertClose(float[][] actual, float[][] reference, double tolerance) {
    assertThat(actual.length).isEqualTo(reference.length);
    for (int position = 0; position < actual.length; position++) {
      assertThat(Arrays.equals(actual[position], new float[actual[position].length])).isFalse();
      for (int id = 0; id < actual[position].length; id++) {
        assertThat((double) actual[position][id])
            .isCloseTo(reference[position][id], within(tolerance));
      }
    }
  }
}
