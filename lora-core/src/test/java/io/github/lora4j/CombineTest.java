package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.spi.ModuleTree;
import io.github.lora4j.spi.TargetModule;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weighted sums of adapters: of what they add to the weights, whatever they look like. */
class CombineTest {

  /** Weights around one, in fp32. */
  private static final double TOLERANCE = 2e-6;

  private final FloatMlp base = FloatMlp.random(1, 30, 40, 5, 2);
  private final TensorData x = MiniAdapters.input(30);

  @TempDir Path directory;

  /** PEFT: _test_weighted_combination_of_adapters_lora, {@code cat}: rank 28 of 20 and 8. */
  @Test
  void ranksAddUpAndNothingIsLost() {
    PeftModel<FloatMlp> a = MiniAdapters.random(base, up().rank(20).alpha(16), 1);
    PeftModel<FloatMlp> b = MiniAdapters.random(base, up().rank(8).alpha(3), 2);

    PeftModel<FloatMlp> sum = PeftModel.combine(List.of(a, b), 0.7, -1.5);

    assertThat(sum.plan().pairs()).extracting(LoraLinear::rank).containsExactly(28, 28);
    assertThat(sum.plan().pairs()).extracting(LoraLinear::scaling).containsExactly(1.0, 1.0);
    assertThat(sum.config().targetModules()).isEqualTo(TargetModules.of("up"));
    assertThat(sum.config().rankPattern()).isEmpty();
    assertThat(sum.trainable()).isFalse();
    assertSum(sum, List.of(a, b), 0.7, -1.5);
  }

  @Test
  void adaptersOfOtherTargetsRanksAndScalingsCombine() {
    List<PeftModel<FloatMlp>> views =
        List.of(
            MiniAdapters.random(base, up().rank(4).rsLora(true).alpha(8), 1),
            MiniAdapters.random(
                base,
                LoraConfig.builder()
                    .targetModules("down")
                    .rank(2)
                    .rankPattern(Map.of("layers.1.down", 5))
                    .alphaPattern(Map.of("layers.0.down", 7.0)),
                2),
            MiniAdapters.random(base, up().targetModules("layers.1.up", "layers.0.down"), 3));

    PeftModel<FloatMlp> sum = PeftModel.combine(views, 1, 2, -0.25);

    Map<String, Integer> ranks = new TreeMap<>();
    sum.plan().pairs().forEach(pair -> ranks.put(pair.path(), pair.rank()));
    assertThat(ranks)
        .isEqualTo(
            Map.of("layers.0.up", 4, "layers.1.up", 12, "layers.0.down", 10, "layers.1.down", 5));
    assertSum(sum, views, 1, 2, -0.25);
  }

  @Test
  void savedCombinationComesBackBitForBit() throws IOException {
    PeftModel<FloatMlp> a = MiniAdapters.random(base, up().rank(3).bias(Bias.LORA_ONLY), 1);
    PeftModel<FloatMlp> b =
        MiniAdapters.random(base, LoraConfig.builder().targetModules("1.up", "0.down"), 2);
    PeftModel<FloatMlp> sum = PeftModel.combine(List.of(a, b), 0.5, 0.5);

    sum.save(directory.resolve("sum"));
    PeftModel<FloatMlp> loaded = PeftModel.fromPretrained(base, directory.resolve("sum"));

    assertThat(loaded.tensors()).isEqualTo(sum.tensors());
    assertThat(loaded.plan().pairs()).isEqualTo(sum.plan().pairs());
    assertThat(loaded.model().forward(x)).isEqualTo(sum.model().forward(x));
  }

  @Test
  void differencesOfOwnBiasesFromTheBaseAreSummed() {
    PeftModel<FloatMlp> all = MiniAdapters.random(base, up().bias(Bias.ALL), 1);
    PeftModel<FloatMlp> own =
        MiniAdapters.random(base, up().targetModules("down").bias(Bias.LORA_ONLY), 2);
    PeftModel<FloatMlp> none = MiniAdapters.random(base, up(), 3);

    PeftModel<FloatMlp> sum = PeftModel.combine(List.of(all, own, none), 2, -1, 1);

    assertThat(sum.config().bias()).isEqualTo(Bias.ALL);
    assertThat(sum.plan().biases()).hasSize(5);
    assertSum(sum, List.of(all, own, none), 2, -1, 1);
    assertThat(PeftModel.combine(List.of(own, none), 1, 1).config().bias())
        .isEqualTo(Bias.LORA_ONLY);
  }

  @Test
  void resultIsIndependentOfItsParts() {
    PeftModel<FloatMlp> a = MiniAdapters.random(base, up(), 1);
    PeftModel<FloatMlp> sum = PeftModel.combine(List.of(a, a), 1, 1);
    TensorData before = sum.model().forward(x);

    a.model().adapter().values().forEach(tensor -> tensor.values()[0] += 5);
    a.close();

    assertThat(sum.model().forward(x)).isEqualTo(before);
  }

  /** PEFT: _test_weighted_combination_of_adapters_lora, one weight scales the delta. */
  @Test
  void scaledMultipliesWhatTheAdapterAdds() {
    PeftModel<FloatMlp> view = MiniAdapters.random(base, up().rsLora(true).bias(Bias.LORA_ONLY), 1);
    List<PeftModel<FloatMlp>> one = List.of(view);

    for (double factor : new double[] {0.5, 1, -2, 0}) {
      assertSum(PeftModel.scaled(view, factor), one, factor);
    }
    assertThat(PeftModel.scaled(view, 0).model().forward(x)).isEqualTo(base.forward(x));
  }

  @Test
  void pathThatEndsAnotherIsStillMeantAlone() {
    ModuleTree tree =
        new ModuleTree(
            "",
            "",
            List.of(
                TargetModule.other("", "Net", ""),
                TargetModule.linear("dense", 4, 4, false),
                TargetModule.linear("mlp.dense", 4, 4, false),
                TargetModule.linear("mlp.up", 4, 4, false)),
            List.of());
    LoraConfig one =
        LoraConfig.builder().targetModules("dense").excludeModules("mlp.dense").build();
    LoraConfig other = LoraConfig.builder().targetModules("up").build();

    LoraPlan plan = UnitScaling.plan(tree, List.of(one, other), ranks("dense", 3, "mlp.up", 2));

    assertThat(plan.pairs()).extracting(LoraLinear::path).containsExactly("dense", "mlp.up");
    assertThat(plan.pairs()).extracting(LoraLinear::rank).containsExactly(3, 2);
  }

  private static Map<String, Integer> ranks(String one, int rank, String other, int otherRank) {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    ranks.put(one, rank);
    ranks.put(other, otherRank);
    return ranks;
  }

  @Test
  void numbersOfViewsAndWeightsMustAgree() {
    PeftModel<FloatMlp> a = MiniAdapters.random(base, up(), 1);

    assertThatThrownBy(() -> PeftModel.combine(List.of(a, a), 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "a weighted sum needs a view at least and a weight for each, got 2 views and 1 weights");
    assertThatThrownBy(() -> PeftModel.combine(List.<PeftModel<FloatMlp>>of()))
        .hasMessageContaining("got 0 views and 0 weights");
  }

  @Test
  void weightsThatAreNoNumbersAreRefused() {
    PeftModel<FloatMlp> a = MiniAdapters.random(base, up(), 1);

    assertThatThrownBy(() -> PeftModel.combine(List.of(a, a), 1, Double.NaN))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("weight 1 must be finite, got NaN");
    assertThatThrownBy(() -> PeftModel.scaled(a, 1e300))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageMatching("the weighted sum at layers.0.up is -?Infinity in fp32; .*");
  }

  @Test
  void viewsOfDifferentBasesAreRefused() {
    FloatMlp twin = FloatMlp.random(1, 30, 40, 5, 2);
    List<PeftModel<FloatMlp>> views =
        List.of(MiniAdapters.random(base, up(), 1), MiniAdapters.random(twin, up(), 1));

    assertThatThrownBy(() -> PeftModel.combine(views, 1, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("view 1 is of another base than view 0; load the adapter on the same base");
  }

  @Test
  void tensorsOfAnotherKindAreRefused() {
    PeftModel<FloatMlp> a = MiniAdapters.random(base, up(), 1);
    a.model().adapter().put("layers.0.up.other", TensorData.matrix(1, 1, new float[1]));

    assertThatThrownBy(() -> PeftModel.scaled(a, 1))
        .isInstanceOf(LoraException.class)
        .hasMessage(
            "combining is for low-rank pairs and biases, but the adapter also has"
                + " 'layers.0.up.other'");
  }

  private static LoraConfig.Builder up() {
    return LoraConfig.builder().targetModules("up");
  }

  private void assertSum(
      PeftModel<FloatMlp> sum, List<PeftModel<FloatMlp>> views, double... weights) {
    for (String name : base.weights().keySet()) {
      double[] found = MiniAdapters.delta(sum, base, name);
      double[] wanted = new double[found.length];
      for (int i = 0; i < weights.length; i++) {
        double[] own = MiniAdapters.delta(views.get(i), base, name);
        for (int j = 0; j < wanted.length; j++) {
          wanted[j] += weights[i] * own[j];
        }
      }
      assertThat(found).as(name).containsExactly(wanted, within(TOLERANCE * 10));
    }
  }
}
