package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reduction to a lower rank, and the error that it says. */
class ReduceTest {

  private final FloatMlp base = FloatMlp.random(1, 12, 18, 5, 2);
  private final TensorData x = MiniAdapters.input(12);

  @TempDir Path directory;

  @Test
  void errorIsTheDistanceOfTheUpdates() {
    PeftModel<FloatMlp> view = adapter(config().rank(6).alpha(9).rsLora(true), 1);

    ReducedAdapter<FloatMlp> reduced = PeftModel.reduced(view, 2);

    assertThat(reduced.view().plan().pairs()).extracting(LoraLinear::rank).containsOnly(2);
    double allSquared = 0;
    double allNorm = 0;
    for (LoraLinear pair : view.plan().pairs()) {
      double[] before = MiniAdapters.delta(view, base, pair.path() + ".weight");
      double[] after = MiniAdapters.delta(reduced.view(), base, pair.path() + ".weight");
      double squared = 0;
      double norm = 0;
      for (int i = 0; i < before.length; i++) {
        squared += (before[i] - after[i]) * (before[i] - after[i]);
        norm += before[i] * before[i];
      }
      allSquared += squared;
      allNorm += norm;
      double expected = Math.sqrt(squared / norm);
      assertThat(reduced.relativeErrors())
          .hasEntrySatisfying(
              pair.path(), error -> assertThat(error).isCloseTo(expected, within(1e-6)));
    }
    assertThat(reduced.relativeError())
        .isCloseTo(Math.sqrt(allSquared / allNorm), within(1e-6))
        .isBetween(0.1, 0.95);
  }

  @Test
  void enoughRankLosesNothing() {
    PeftModel<FloatMlp> a = adapter(config().rank(3), 1);
    PeftModel<FloatMlp> b = adapter(config().rank(2).bias(Bias.LORA_ONLY), 2);
    PeftModel<FloatMlp> sum = PeftModel.combine(List.of(a, b, a), 1, -0.5, 2); // of rank 8

    ReducedAdapter<FloatMlp> reduced = PeftModel.reduced(sum, 5);

    assertThat(reduced.relativeError()).isLessThan(1e-7);
    assertThat(reduced.view().plan().pairs()).extracting(LoraLinear::rank).containsOnly(5);
    assertThat(MiniAdapters.difference(reduced.view().model().forward(x), sum.model().forward(x)))
        .isLessThan(2e-6);
  }

  @Test
  void rankAboveTheSidesOfAMapIsReducedToThem() {
    PeftModel<FloatMlp> view = adapter(config().rank(10), 1);
    List<PeftModel<FloatMlp>> views = List.of(view, adapter(config().rank(11), 2));
    PeftModel<FloatMlp> sum = PeftModel.combine(views, 1, 1); // rank 21 beside 12 -> 18

    ReducedAdapter<FloatMlp> reduced = PeftModel.reduced(sum, 12);

    assertThat(reduced.relativeError()).isLessThan(1e-12);
    assertThat(MiniAdapters.difference(reduced.view().model().forward(x), sum.model().forward(x)))
        .isLessThan(2e-6);
  }

  @Test
  void smallerRanksStay() {
    PeftModel<FloatMlp> view =
        adapter(config().rank(4).rankPattern(Map.of("layers.1.up", 2)).alpha(6), 1);

    ReducedAdapter<FloatMlp> reduced = PeftModel.reduced(view, 3);

    assertThat(reduced.view().plan().pairs())
        .extracting(LoraLinear::rank)
        .containsExactly(3, 3, 2, 3);
    assertThat(reduced.relativeErrors().get("layers.1.up")).isLessThan(1e-12);
    assertThat(reduced.relativeErrors().get("layers.0.up")).isGreaterThan(0.01);
  }

  @Test
  void freshAdapterReducesToNothingWithoutError() {
    PeftModel<FloatMlp> fresh = PeftModel.wrap(base, config().rank(4).build());

    ReducedAdapter<FloatMlp> reduced = PeftModel.reduced(fresh, 1);

    assertThat(reduced.relativeError()).isZero();
    assertThat(reduced.view().model().forward(x)).isEqualTo(base.forward(x));
  }

  @Test
  void savedReductionComesBackBitForBit() throws IOException {
    PeftModel<FloatMlp> view = adapter(config().rank(6).bias(Bias.ALL), 1);
    PeftModel<FloatMlp> reduced = PeftModel.reduced(view, 2).view();

    reduced.save(directory.resolve("a"));

    PeftModel<FloatMlp> loaded = PeftModel.fromPretrained(base, directory.resolve("a"));
    assertThat(loaded.tensors()).isEqualTo(reduced.tensors());
    assertThat(loaded.model().forward(x)).isEqualTo(reduced.model().forward(x));
  }

  @Test
  void rankMustBePositive() {
    PeftModel<FloatMlp> view = adapter(config(), 1);

    assertThatThrownBy(() -> PeftModel.reduced(view, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("rank must be positive, got 0");
  }

  private static LoraConfig.Builder config() {
    return LoraConfig.builder().targetModules("up", "down");
  }

  private PeftModel<FloatMlp> adapter(LoraConfig.Builder config, long seed) {
    return MiniAdapters.random(base, config, seed);
  }
}
