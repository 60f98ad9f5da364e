package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.spi.AdapterLayout;
import io.github.lora4j.spi.TensorData;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Who learns how fast, and who decays. */
final class ParameterGroupsTest {

  private static final TrainingOptions PLUS =
      TrainingOptions.builder()
          .learningRate(1e-3)
          .loraPlusRatio(16)
          .loraPlusEmbeddingRate(1e-5)
          .build();

  /** PEFT: test_lora_plus_helper_sucess. Its four groups. */
  @Test
  void groupsAreThoseOfPeft() {
    Map<String, TensorData> values = new LinkedHashMap<>();
    values.put("q.lora_A", matrix(2, 3));
    values.put("q.lora_B", matrix(4, 2));
    values.put("q.lora_magnitude_vector", vector(4));
    values.put("q.bias", vector(4));
    values.put("emb.lora_A", matrix(1, 5));
    values.put("emb.lora_B", matrix(2, 1));
    ParameterGroups groups =
        new ParameterGroups(
            new AdapterLayout(List.of(new AdapterLayout.Pair("q", 3, 4, 2, 1, 0)), values),
            Set.of("emb"));

    float[] rates = groups.rates(PLUS).orElseThrow();
    float[] decay = groups.decay();

    assertRun(rates, 0, 6, 1);
    assertRun(rates, 6, 22, 16);
    assertRun(rates, 22, 29, 0.01f);
    assertRun(decay, 0, 18, 1);
    assertRun(decay, 18, 22, 0);
  }

  @Test
  void oneRateForAllIsNoArray() {
    ParameterGroups groups =
        new ParameterGroups(new AdapterLayout(List.of(), Map.of("q.bias", vector(4))), Set.of());

    assertThat(groups.rates(TrainingOptions.builder().build())).isEmpty();
    assertThat(groups.trained()).isEmpty();
  }

  @Test
  void secondHalfOfTheRanksNeitherLearnsNorDecays() {
    Map<String, TensorData> values = new LinkedHashMap<>();
    values.put("q.lora_A", matrix(4, 3));
    values.put("q.lora_B", matrix(2, 4));
    values.put("q.lora_magnitude_vector", vector(2));
    ParameterGroups groups =
        new ParameterGroups(
            new AdapterLayout(
                List.of(new AdapterLayout.Pair("q", 3, 2, 4, 1, 0)), values, Map.of(), true),
            Set.of());

    assertThat(groups.trained().orElseThrow())
        .containsExactly(
            1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, // A
            1, 1, 0, 0, 1, 1, 0, 0, // B
            1, 1);
    assertThat(groups.decay()).isEqualTo(groups.trained().orElseThrow());
  }

  private static void assertRun(float[] values, int start, int end, float wanted) {
    for (int i = start; i < end; i++) {
      assertThat(values[i]).as("element %d", i).isEqualTo(wanted);
    }
  }

  private static TensorData matrix(int rows, int columns) {
    return TensorData.matrix(rows, columns, new float[rows * columns]);
  }

  private static TensorData vector(int width) {
    return new TensorData(List.of((long) width), new float[width]);
  }
}
