package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.Bias;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.TargetModules;
import io.github.lora4j.djl.generate.GenerationOptions;
import io.github.lora4j.djl.generate.TextGenerator;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.djl.train.ManagedArrays;
import io.github.lora4j.io.DType;
import io.github.lora4j.spi.ParameterInfo;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A model with an adapter merged into it: a base of its own that shares memory with the first. */
final class MergedModelTest {

  private static final int[] ROW = {5, 40, 17, 99, 8};
  private static final Path MAPS = Path.of("/proc/self/maps");

  private final TinyCheckpoint checkpoint;

  MergedModelTest(@TempDir Path temp) throws IOException {
    checkpoint = new TinyCheckpoint(temp.resolve("model"));
  }

  /**
   * PEFT: _test_safe_merge. Relative to the largest logit: rounding of fp32; in half precision, of
   * the weights, once, as PEFT measures at 1 in 100 (bf16) and 1 in 1000 (fp16); in int8, of the
   * merged weights to 1/127 of the largest of their row.
   */
  @ParameterizedTest
  @CsvSource({"FP32, 2e-6", "FP16, 2e-3", "BF16, 3e-2", "INT8, 5e-2"})
  void mergedEqualsUnmergedAndTheBaseStays(Precision precision, double tolerance)
      throws IOException {
    for (Bias bias : Bias.values()) {
      try (CausalLm base = checkpoint.load(precision);
          PeftModel<CausalLm> peft = PeftModel.wrap(base, config(bias))) {
        List<Integer> before = hashes(base);

        try (CausalLm merged = peft.merge()) {
          float[][] unmerged = peft.model().logits(ROW)[0];
          assertThat(difference(merged.logits(ROW)[0], unmerged)).isLessThan(tolerance);
          assertThat(difference(base.logits(ROW)[0], unmerged)).isGreaterThan(0.1);
          assertThat(merged.precision()).isEqualTo(base.precision());
          assertThat(merged.adapter()).isEmpty();
        }

        assertThat(hashes(base)).isEqualTo(before);
      }
    }
  }

  /** The merged weights are W + s·BA in fp32, rounded once. */
  @Test
  void weightsOfHalfPrecisionAreRoundedOnce() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.BF16);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.NONE));
        CausalLm merged = peft.merge()) {
      String path = "transformer.h.1.mlp.dense_4h_to_h";
      float[] weight = base.decoder().parameter(path + ".weight").values();
      TensorData a = tensor(peft, path + ".lora_A");
      TensorData b = tensor(peft, path + ".lora_B");
      float[] found = merged.decoder().parameter(path + ".weight").values();
      int in = Math.toIntExact(a.shape().get(1));
      int rank = Math.toIntExact(a.shape().get(0));
      for (int i = 0; i < found.length; i++) {
        double exact = weight[i];
        for (int k = 0; k < rank; k++) {
          exact += 2.0 * b.values()[i / in * rank + k] * a.values()[k * in + i % in];
        }
        double half = Math.ulp((float) exact) * 0x1p15; // half a unit in the last place of bf16
        assertThat(Math.abs(found[i] - exact))
            .isLessThanOrEqualTo(half + 1e-7); // and rounding of fp32
      }
    }
  }

  private static TensorData tensor(PeftModel<CausalLm> peft, String name) {
    return java.util.Objects.requireNonNull(peft.tensors().get(name), name);
  }

  /** PEFT: _test_merge_layers_multi. */
  @Test
  void bothAdaptersAndEachAloneMergeToTheRightModel() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.FP32);
        PeftModel<CausalLm> a = PeftModel.wrap(base, config(Bias.NONE), 1);
        PeftModel<CausalLm> b = PeftModel.wrap(base, config(Bias.LORA_ONLY), 2);
        PeftModel<CausalLm> both = PeftModel.combine(List.of(b, a), 1, 1)) {
      for (PeftModel<CausalLm> view : List.of(both, a, b)) {
        try (CausalLm merged = view.merge()) {
          assertThat(difference(merged.logits(ROW)[0], view.model().logits(ROW)[0]))
              .isLessThan(1e-5);
        }
      }
    }
  }

  /** PEFT: _test_merge_layers_is_idempotent. */
  @ParameterizedTest
  @EnumSource(Precision.class)
  void mergingAgainGivesTheSameBits(Precision precision) throws IOException {
    try (CausalLm base = checkpoint.load(precision);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.ALL));
        CausalLm first = peft.merge();
        CausalLm second = peft.merge()) {
      assertThat(hashes(second)).isEqualTo(hashes(first));
      assertThat(second.logits(ROW)).isDeepEqualTo(first.logits(ROW));
    }
  }

  /** PEFT: _test_merge_layers_nan. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void brokenAdapterIsNamedAndNothingIsGivenOut(float value) throws IOException {
    for (Precision precision : Precision.values()) {
      try (CausalLm base = checkpoint.load(precision);
          PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.ALL))) {
        write(peft, "transformer.h.1.self_attention.dense.lora_A", value);
        write(peft, "transformer.ln_f.bias", value);
        List<Integer> before = hashes(base);
        int arrays = ManagedArrays.below(base.decoder().manager());

        assertThatThrownBy(peft::merge)
            .isInstanceOf(LoraException.class)
            .hasMessage(
                "NaN or infinity in the merged weights of"
                    + " 'transformer.h.1.self_attention.dense.weight', 'transformer.ln_f.bias'; the"
                    + " adapter seems to be broken, or its numbers exceed the range of the type that"
                    + " the base is stored in");

        assertThat(hashes(base)).isEqualTo(before);
        assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(arrays);
      }
    }
  }

  @Test
  void numbersBeyondTheRangeOfTheTypeAreNamed() throws IOException {
    try (CausalLm half = checkpoint.load(Precision.FP16);
        CausalLm full = checkpoint.load(Precision.FP32)) {
      try (PeftModel<CausalLm> peft = PeftModel.wrap(full, config(Bias.NONE))) {
        write(peft, "transformer.h.0.mlp.dense_4h_to_h.lora_A", 1e7f);
        peft.merge().close();
      }
      try (PeftModel<CausalLm> peft = PeftModel.wrap(half, config(Bias.NONE))) {
        write(peft, "transformer.h.0.mlp.dense_4h_to_h.lora_A", 1e7f);
        assertThatThrownBy(peft::merge)
            .isInstanceOf(LoraException.class)
            .hasMessageContaining("'transformer.h.0.mlp.dense_4h_to_h.weight'");
      }
    }
  }

  /** The sum of such numbers overflows, they themselves do not. */
  @Test
  void hugeButFiniteWeightsAreMerged() throws IOException {
    Map<String, TensorData> tensors = TinyCheckpoint.tensors();
    String name = "transformer.h.0.mlp.dense_4h_to_h.weight";
    TensorData weight = java.util.Objects.requireNonNull(tensors.get(name));
    float[] huge = weight.values().clone();
    Arrays.fill(huge, 3e38f);
    tensors.put(name, new TensorData(weight.shape(), huge));
    checkpoint.weights(tensors, DType.F32);

    try (CausalLm base = checkpoint.load(Precision.FP32);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.NONE));
        CausalLm merged = peft.merge()) {
      assertThat(merged.decoder().parameter(name).values()).containsOnly(3e38f);
    }
  }

  @Test
  void closedViewIsNeitherMergedNorCombined() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.FP32)) {
      PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.NONE));
      peft.close();

      assertThatThrownBy(peft::merge)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("the adapter is closed; load it again");
      assertThatThrownBy(() -> PeftModel.scaled(peft, 2))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("the adapter is closed; load it again");
    }
  }

  @Test
  void mergedModelDoesNotFollowItsAdapter() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.FP32)) {
      PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.ALL));
      try (CausalLm merged = peft.merge()) {
        float[][] before = merged.logits(ROW)[0];

        peft.model().adapter().orElseThrow().flatValues().muli(3);
        peft.close();

        assertThat(merged.logits(ROW)[0]).isDeepEqualTo(before);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void baseAndMergedModelCloseInAnyOrder(boolean baseFirst) throws IOException {
    Assumptions.assumeTrue(Files.exists(MAPS), "only Linux says what a process has mapped");
    CausalLm base = checkpoint.load(Precision.FP32);
    CausalLm merged;
    float[][] expected;
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.NONE))) {
      merged = peft.merge();
      expected = merged.logits(ROW)[0];
    }
    CausalLm first = baseFirst ? base : merged;
    CausalLm last = baseFirst ? merged : base;
    float[][] ofLast = last.logits(ROW)[0];

    first.close();
    first.close();

    assertThat(mapped()).isNotEmpty();
    assertThat(last.logits(ROW)[0]).isDeepEqualTo(ofLast);
    assertThat(last.tokenizer().decode(last.tokenizer().encode("the cat"))).isEqualTo("the cat");
    assertThat(expected).hasDimensions(5, 101);
    last.close();
    assertThat(mapped()).isEmpty();
  }

  private List<String> mapped() throws IOException {
    String path = checkpoint.file(TinyCheckpoint.WEIGHTS).toString();
    return Files.readAllLines(MAPS).stream().filter(line -> line.endsWith(path)).toList();
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void onlyWhatIsAdaptedIsNewInMemory(Precision precision) throws IOException {
    LoraConfig config =
        LoraConfig.builder().rank(2).init(LoraInit.RANDOM).targetModules("dense").build();
    try (CausalLm base = checkpoint.load(precision);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config);
        CausalLm merged = peft.merge()) {
      Map<String, Boolean> shared = MemoryOf.shared(base.decoder(), merged.decoder());

      assertThat(shared).hasSize(base.modules().parameters().size());
      shared.forEach(
          (name, same) ->
              assertThat(same).as(name).isEqualTo(!name.endsWith("attention.dense.weight")));
    }
  }

  @Test
  void mergingAndClosingLeavesNothingBehind() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.BF16);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.ALL))) {
      peft.merge().close();
      int arrays = ManagedArrays.below(base.decoder().manager());
      int ofMerged = 0;
      for (int i = 0; i < 20; i++) {
        try (CausalLm merged = peft.merge()) {
          merged.logits(ROW);
          int now = ManagedArrays.below(merged.decoder().manager());
          assertThat(now).isEqualTo(i == 0 ? now : ofMerged);
          ofMerged = now;
        }
        assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(arrays);
      }
      assertThat(ofMerged).isEqualTo(arrays);
    }
  }

  @Test
  void mergedModelIsWrappedTrainedMergedAgainAndGenerates() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.FP32);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.ALL));
        CausalLm merged = peft.merge();
        PeftModel<CausalLm> second = PeftModel.wrap(merged, config(Bias.LORA_ONLY), 7)) {
      List<Integer> before = hashes(merged);
      train(second.model());

      try (CausalLm twice = second.merge()) {
        assertThat(difference(twice.logits(ROW)[0], second.model().logits(ROW)[0]))
            .isLessThan(1e-5);
        assertThat(hashes(merged)).isEqualTo(before);
        GenerationOptions options = GenerationOptions.builder().maxNewTokens(4).build();
        assertThat(TextGenerator.of(merged).generate("the cat", options))
            .isEqualTo(TextGenerator.of(peft.model()).generate("the cat", options));
        assertThat(twice.modules().baseName()).isEmpty();
      }
    }
  }

  /** PEFT: _test_unload_adapter. Without an adapter there is the base, at any time. */
  @Test
  void baseWithoutAdapterIsStillThere() throws IOException {
    try (CausalLm base = checkpoint.load(Precision.FP32)) {
      float[][] before = base.logits(ROW)[0];
      int arrays = ManagedArrays.below(base.decoder().manager());
      PeftModel<CausalLm> peft = PeftModel.wrap(base, config(Bias.ALL));
      peft.merge().close();
      peft.close();

      assertThat(base.logits(ROW)[0]).isDeepEqualTo(before);
      assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(arrays);
    }
  }

  private static void train(CausalLm model) {
    AdapterWeights weights = model.adapter().orElseThrow();
    TokenBatch batch = TokenBatch.of(List.of(ROW), List.of(ROW));
    try (Pass pass = Pass.training(model.decoder().manager(), batch, weights, 1)) {
      assertThat(model.decoder().lossAndGradients(pass, 0.25, true)).isPositive();
    }
    weights.flatValues().subi(weights.flatGradients().mul(0.05f));
  }

  private static LoraConfig config(Bias bias) {
    return LoraConfig.builder()
        .rank(2)
        .alpha(4)
        .init(LoraInit.RANDOM)
        .bias(bias)
        .targetModules(TargetModules.allLinear())
        .build();
  }

  private static void write(PeftModel<CausalLm> peft, String name, float value) {
    AdapterWeights weights = peft.model().adapter().orElseThrow();
    Map<String, TensorData> tensors = new LinkedHashMap<>(weights.read());
    float[] values = tensor(peft, name).values();
    values[values.length / 2] = value;
    tensors.put(name, new TensorData(tensor(peft, name).shape(), values));
    weights.write(tensors);
  }

  /** The largest difference / the largest logit. */
  private static double difference(float[][] found, float[][] wanted) {
    double largest = 0;
    double scale = 0;
    for (int i = 0; i < wanted.length; i++) {
      for (int j = 0; j < wanted[i].length; j++) {
        largest = Math.max(largest, Math.abs(found[i][j] - wanted[i][j]));
        scale = Math.max(scale, Math.abs(wanted[i][j]));
      }
    }
    return largest / scale;
  }

  private static List<Integer> hashes(CausalLm base) {
    List<Integer> hashes = new ArrayList<>();
    for (ParameterInfo parameter : base.modules().parameters()) {
      hashes.add(Arrays.hashCode(base.decoder().parameter(parameter.name()).values()));
    }
    return hashes;
  }
}
