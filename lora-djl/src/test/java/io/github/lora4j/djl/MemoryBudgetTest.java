package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.LoraPlan;
import io.github.lora4j.PeftModel;
import io.github.lora4j.StepShape;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class MemoryBudgetTest {

  private static LoadOptions budget(Precision precision, long bytes) {
    return LoadOptions.builder().precision(precision).memoryBudget(bytes).build();
  }

  @Test
  void weightsAboveTheBudgetAreRefusedBeforeTheyAreRead() throws IOException {
    long fp32 = CausalLm.modules(TinyCheckpoint.GOLDEN).weightBytes(4);

    assertThatThrownBy(() -> CausalLm.load(TinyCheckpoint.GOLDEN, budget(Precision.FP32, fp32 - 1)))
        .isInstanceOf(LoraException.class)
        .hasMessageMatching(
            "the weights of .* take [\\d.e-]+ GB in FP32, memoryBudget is [\\d.e-]+ GB; FP16 would"
                + " take [\\d.e-]+ GB, BF16 would take [\\d.e-]+ GB, INT8 would take [\\d.e-]+ GB; choose a precision that fits,"
                + " or raise the budget");
    assertThatThrownBy(() -> CausalLm.load(TinyCheckpoint.GOLDEN, budget(Precision.BF16, 1)))
        .hasMessageMatching(
            "the weights of .* take [\\d.e-]+ GB in BF16, memoryBudget is [\\d.e-]+ GB; INT8 would"
                + " take [\\d.e-]+ GB; choose a precision that fits, or raise the budget");
    CausalLm.load(TinyCheckpoint.GOLDEN, budget(Precision.FP32, fp32)).close();
  }

  @ParameterizedTest
  @ValueSource(longs = {0, -5})
  void budgetMustBePositive(long bytes) {
    assertThatThrownBy(() -> LoadOptions.builder().memoryBudget(bytes).build())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("memoryBudget must be positive, got " + bytes);
  }

  @ParameterizedTest
  @EnumSource(value = Precision.class)
  void predictedWeightsAreThoseOfTheLoadedBase(Precision precision) throws IOException {
    LoadOptions options = LoadOptions.builder().precision(precision).build();
    try (CausalLm base = CausalLm.load(TinyCheckpoint.GOLDEN, options)) {
      LoraPlan plan = LoraPlan.of(base, config());

      assertThat(plan.stepMemory(precision.step(2, 8)).weights())
          .isEqualTo(base.decoder().weightBytes());
    }
  }

  @ParameterizedTest
  @EnumSource(value = Precision.class)
  void everyNumberOfKeptLayersGivesTheSameBits(Precision precision) throws IOException {
    LoadOptions options = LoadOptions.builder().precision(precision).build();
    try (CausalLm base = CausalLm.load(TinyCheckpoint.GOLDEN, options);
        PeftModel<CausalLm> peft = PeftModel.wrap(base, config())) {
      int layers = 2;
      List<Integer> all = step(peft, StepShape.ALL_LAYERS);

      for (int kept = 0; kept <= layers; kept++) {
        assertThat(step(peft, kept)).as("%d layers kept", kept).isEqualTo(all);
      }
    }
  }

  /** All four maps, so that every recipe is used, with dropout. */
  private static LoraConfig config() {
    return LoraConfig.builder()
        .rank(4)
        .dropout(0.1)
        .targetModules("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
        .build();
  }

  /** Bits of loss and gradients; B is made to differ from zero first, so that A has gradients. */
  private static List<Integer> step(PeftModel<CausalLm> peft, int keptLayers) {
    AdapterWeights adapter = peft.model().adapter().orElseThrow();
    Kernels.get().run("fill_zero", adapter.flatGradients());
    Random random = new Random(3);
    Map<String, TensorData> values = new LinkedHashMap<>();
    adapter
        .layout()
        .values()
        .forEach(
            (name, tensor) -> {
              float[] numbers = new float[tensor.values().length];
              for (int i = 0; i < numbers.length; i++) {
                numbers[i] = (float) (0.1 * random.nextGaussian());
              }
              values.put(name, new TensorData(tensor.shape(), numbers));
            });
    adapter.write(values);
    int[][] rows = {{7, 90, 12, 4, 5}, {55, 8, 9}, {10, 11, 12, 13, 14, 15}};
    TokenBatch batch = TokenBatch.of(Arrays.asList(rows), Arrays.asList(rows));
    try (Pass pass = Pass.training(peft.model().decoder().manager(), batch, adapter, 9)) {
      double loss = peft.model().decoder().lossAndGradients(pass, 0.1, keptLayers);
      List<Integer> bits = new ArrayList<>();
      bits.add(Float.floatToRawIntBits((float) loss));
      for (float gradient : adapter.flatGradients().toFloatArray()) {
        bits.add(Float.floatToRawIntBits(gradient));
      }
      assertThat(bits.stream().filter(bit -> bit != 0).count()).isGreaterThan(bits.size() / 2);
      return bits;
    }
  }
}
