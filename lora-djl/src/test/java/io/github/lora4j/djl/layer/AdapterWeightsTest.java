package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TensorData;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

final class AdapterWeightsTest {

  @Test
  void tensorsComeBackInOrderAndUnchanged() {
    Map<String, TensorData> values = new LinkedHashMap<>();
    values.put("p.lora_A", TensorData.matrix(2, 3, new float[] {1, 2, 3, 4, 5, 6}));
    values.put("p.lora_B", TensorData.matrix(2, 2, new float[] {7, 8, 9, 10}));
    values.put("p.bias", new TensorData(List.of(2L), new float[] {11, 12}));
    AdapterLayout layout =
        new AdapterLayout(List.of(new AdapterLayout.Pair("p", 3, 2, 2, 1, 0)), values);

    try (AdapterWeights adapter = new AdapterWeights(layout, Device.cpu(), true)) {
      assertThat(adapter.names()).containsExactly("p.lora_A", "p.lora_B", "p.bias");
      assertThat(adapter.read()).isEqualTo(values);
      assertThat(adapter.layout()).isEqualTo(layout);
      assertThat(adapter.nativeBytes()).isEqualTo(2 * 4 * (6 + 4 + 2));
    }
  }

  @Test
  void viewsFollowTheFlatBufferAfterWriting() {
    try (LayerLab lab = new LayerLab(2)) {
      AdapterWeights adapter = lab.adapter(true, lab.pair("p", 3, 2, 2, 0));
      LowRank pair = Objects.requireNonNull(adapter.pair("p"));
      Map<String, TensorData> other = new LinkedHashMap<>();
      other.put("p.lora_A", TensorData.matrix(2, 3, new float[] {1, 2, 3, 4, 5, 6}));
      other.put("p.lora_B", TensorData.matrix(2, 2, new float[] {7, 8, 9, 10}));

      adapter.write(other);
      Kernels.get().run("scale_in_place", adapter.flatValues(), 2.0);

      assertThat(pair.a().toFloatArray()).containsExactly(2, 4, 6, 8, 10, 12);
      assertThat(pair.b().toFloatArray()).containsExactly(14, 16, 18, 20);
      assertThat(Objects.requireNonNull(pair.gradA()).toFloatArray()).containsOnly(0);
    }
  }

  @Test
  void wrongShapesAreRefusedAndChangeNothing() {
    try (LayerLab lab = new LayerLab(3)) {
      AdapterWeights adapter = lab.adapter(false, lab.pair("p", 3, 2, 2, 0));
      Map<String, TensorData> before = adapter.read();
      Map<String, TensorData> other = new LinkedHashMap<>(before);
      other.put("p.lora_B", TensorData.matrix(1, 4, new float[4]));

      assertThatThrownBy(() -> adapter.write(other))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("tensor p.lora_B: wanted shape [2, 2], got");
      assertThat(adapter.read()).isEqualTo(before);
    }
  }

  @Test
  void adapterForInferenceHasNoGradients() {
    try (LayerLab lab = new LayerLab(4)) {
      AdapterWeights adapter = lab.adapter(false, lab.pair("p", 3, 2, 2, 0));

      assertThat(adapter.trainable()).isFalse();
      assertThat(adapter.nativeBytes()).isEqualTo(4 * (6 + 4));
      assertThatThrownBy(adapter::flatGradients)
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("the adapter was loaded for inference and has no gradients");
    }
  }

  @Test
  void tensorsThatAPairLacksLeaveNothingBehind() {
    AdapterLayout layout =
        new AdapterLayout(List.of(new AdapterLayout.Pair("p", 3, 2, 2, 1, 0)), Map.of());

    assertThatThrownBy(() -> new AdapterWeights(layout, Device.cpu(), false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the layout has a pair but no values for p.lora_A");
  }

  @Test
  void closingTwiceDoesNothing() {
    try (LayerLab lab = new LayerLab(5)) {
      AdapterWeights adapter = lab.adapter(false, lab.pair("p", 3, 2, 2, 0));

      adapter.close();
      adapter.close();

      assertThat(adapter.nativeBytes()).isZero();
    }
  }
}
