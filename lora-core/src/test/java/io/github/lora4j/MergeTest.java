package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Merging in the float-array engine. */
class MergeTest {

  private final FloatMlp base = FloatMlp.random(1, 6, 10, 5, 3);
  private final TensorData x = MiniAdapters.input(6);

  /** PEFT: _test_merge_layers. */
  @ParameterizedTest
  @EnumSource(Bias.class)
  void mergedEqualsUnmerged(Bias bias) {
    Map<String, TensorData> before = copy(base.weights());
    PeftModel<FloatMlp> view = MiniAdapters.random(base, config().rsLora(true).bias(bias), 1);

    FloatMlp merged = view.merge();

    TensorData unmerged = view.model().forward(x);
    assertThat(MiniAdapters.difference(merged.forward(x), unmerged)).isLessThan(2e-6);
    assertThat(MiniAdapters.difference(base.forward(x), unmerged)).isGreaterThan(0.1);
    assertThat(base.weights()).isEqualTo(before);
  }

  /** PEFT: _test_merge_layers_multi. */
  @Test
  void sumAndEachAdapterAloneMergeToTheRightModel() {
    PeftModel<FloatMlp> a = MiniAdapters.random(base, config(), 1);
    PeftModel<FloatMlp> b = MiniAdapters.random(base, config().targetModules("down"), 2);

    for (PeftModel<FloatMlp> view : List.of(PeftModel.combine(List.of(b, a), 1, 1), a, b)) {
      assertThat(MiniAdapters.difference(view.merge().forward(x), view.model().forward(x)))
          .isLessThan(2e-6);
    }
  }

  /** PEFT: _test_merge_layers_is_idempotent. */
  @Test
  void mergingAgainGivesTheSame() {
    PeftModel<FloatMlp> view = MiniAdapters.random(base, config(), 1);

    assertThat(view.merge().weights()).isEqualTo(view.merge().weights());
  }

  /** PEFT: _test_merge_layers_nan. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
  void whatIsNoNumberIsNotMerged(float value) {
    PeftModel<FloatMlp> view = MiniAdapters.random(base, config(), 1);
    MiniAdapters.get(view.model().adapter(), "layers.1.up.lora_A").values()[3] = value;

    assertThatThrownBy(view::merge)
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("layers.1.up.weight");
  }

  @Test
  void mergedModelIsABaseThatSharesWhatWasNotAdapted() {
    FloatMlp merged = MiniAdapters.random(base, config(), 1).merge();

    assertThat(merged.weights().get("head.weight")).isSameAs(base.weights().get("head.weight"));
    assertThat(merged.weights().get("layers.0.up.weight"))
        .isNotEqualTo(base.weights().get("layers.0.up.weight"));
    assertThat(PeftModel.wrap(merged, config().build()).model().forward(x))
        .isEqualTo(merged.forward(x));
  }

  private static LoraConfig.Builder config() {
    return LoraConfig.builder().rank(2).alpha(4).targetModules("up");
  }

  private static Map<String, TensorData> copy(Map<String, TensorData> tensors) {
    Map<String, TensorData> copy = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) -> copy.put(name, new TensorData(tensor.shape(), tensor.values().clone())));
    return copy;
  }
}
