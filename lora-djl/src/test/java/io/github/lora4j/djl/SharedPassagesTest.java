package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.layer.AdapterWeights;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import io.github.lora4j.spi.LoraView;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The whole model on shared passages against the whole model on whole sequences. */
final class SharedPassagesTest {

  private static final int VOCABULARY = 101;

  /** Two groups, one of them with two equal sequences, and a sequence alone. */
  private static final List<int[]> ROWS = rows();

  private static List<int[]> rows() {
    List<int[]> rows =
        Siblings.rows(
            1, VOCABULARY, new int[] {24, 5, 3, 9}, new int[] {0, 7}, new int[] {17, 1, 6});
    rows.add(rows.get(1));
    return rows;
  }

  private static Map<String, List<int[]>> labels() {
    Map<String, List<int[]>> labels = new LinkedHashMap<>();
    labels.put("everywhere", ROWS);
    labels.put("after the passages", labelled((row, position) -> position >= 24));
    labels.put("in the passages", labelled((row, position) -> position < 17));
    labels.put("on one sibling", labelled((row, position) -> row == 2));
    return labels;
  }

  private interface Choice {
    boolean labelled(int row, int position);
  }

  private static List<int[]> labelled(Choice choice) {
    List<int[]> labels = new ArrayList<>();
    for (int row = 0; row < ROWS.size(); row++) {
      int[] label = ROWS.get(row).clone();
      for (int position = 0; position < label.length; position++) {
        label[position] = choice.labelled(row, position) ? label[position] : TokenBatch.IGNORE;
      }
      labels.add(label);
    }
    return labels;
  }

  @ParameterizedTest
  @CsvSource({"power-of-two, false", "power-of-two, true", "six-heads, false", "six-heads, true"})
  void lossAndGradientsOfEveryAdapterAreThoseOfWholeSequences(String name, boolean recompute)
      throws IOException {
    BloomGolden golden = new BloomGolden(name);
    try (CausalLm base = golden.load(Precision.FP32)) {
      for (String adapter : golden.adapters()) {
        try (LoraView<CausalLm> view =
            new DjlBackend().attach(base, golden.layout(adapter, base), true)) {
          labels()
              .forEach(
                  (where, labels) -> {
                    TokenBatch whole = TokenBatch.of(ROWS, labels);
                    Step expected = step(view.model(), whole, false);
                    Step actual = step(view.model(), whole.shared(), recompute);

                    String what = "%s, labels %s".formatted(adapter, where);
                    assertThat(whole.shared().size()).isLessThan(whole.size());
                    assertThat(actual.loss).as(what).isCloseTo(expected.loss, within(1e-6));
                    assertClose(what, actual, expected, 5e-6);
                  });
        }
      }
    }
  }

  @Test
  void recomputedLayersGiveTheSameBits() throws IOException {
    BloomGolden golden = new BloomGolden("power-of-two");
    TokenBatch shared = TokenBatch.of(ROWS, ROWS).shared();
    try (CausalLm base = golden.load(Precision.FP32);
        LoraView<CausalLm> view =
            new DjlBackend().attach(base, golden.layout(golden.adapters().get(0), base), true)) {
      Step kept = step(view.model(), shared, false);
      Step recomputed = step(view.model(), shared, true);

      assertThat(recomputed.loss).isEqualTo(kept.loss);
      kept.gradients.forEach(
          (tensor, gradient) ->
              assertThat(requireNonNull(recomputed.gradients.get(tensor)).values())
                  .isEqualTo(gradient.values()));
    }
  }

  @Test
  void bfloat16StaysAsNearToFp32AsWithWholeSequences() throws IOException {
    BloomGolden golden = new BloomGolden("power-of-two");
    TokenBatch whole = TokenBatch.of(ROWS, ROWS);
    String adapter = golden.adapters().get(0);
    try (CausalLm full = golden.load(Precision.FP32);
        CausalLm half = golden.load(Precision.BF16);
        LoraView<CausalLm> exact =
            new DjlBackend().attach(full, golden.layout(adapter, full), true);
        LoraView<CausalLm> rounded =
            new DjlBackend().attach(half, golden.layout(adapter, half), true)) {
      Step expected = step(exact.model(), whole, false);
      double unshared = worst(step(rounded.model(), whole, false), expected);
      Step shared = step(rounded.model(), whole.shared(), false);

      assertThat(shared.loss).isCloseTo(expected.loss, withinPercentage(1));
      assertThat(unshared).isLessThan(0.1);
      assertThat(worst(shared, expected)).isLessThan(1.5 * unshared);
    }
  }

  private record Step(double loss, Map<String, TensorData> gradients) {}

  private static Step step(CausalLm model, TokenBatch batch, boolean recompute) {
    AdapterWeights adapter = model.adapter().orElseThrow();
    Kernels.get().run("fill_zero", adapter.flatGradients());
    try (Pass pass = Pass.training(model.decoder().manager(), batch, adapter, 1)) {
      assertThat(pass.batch()).isSameAs(batch);
      double scale = 1.0 / batch.labelCount();
      double loss = model.decoder().lossAndGradients(pass, scale, recompute);
      return new Step(loss, adapter.readGradients());
    }
  }

  private static void assertClose(String what, Step actual, Step expected, double tolerance) {
    expected.gradients.forEach(
        (tensor, gradient) ->
            assertThat(difference(requireNonNull(actual.gradients.get(tensor)), gradient))
                .as("%s: relative difference of the gradient of %s", what, tensor)
                .isLessThan(tolerance));
  }

  private static double worst(Step actual, Step expected) {
    return expected.gradients.keySet().stream()
        .mapToDouble(
            tensor ->
                difference(
                    requireNonNull(actual.gradients.get(tensor)),
                    requireNonNull(expected.gradients.get(tensor))))
        .max()
        .orElseThrow();
  }

  /** The largest difference by the largest expected element. */
  private static double difference(TensorData actual, TensorData expected) {
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < expected.values().length; i++) {
      largest = Math.max(largest, Math.abs(expected.values()[i]));
      difference = Math.max(difference, Math.abs(actual.values()[i] - expected.values()[i]));
    }
    assertThat(largest).isPositive();
    return difference / largest;
  }
}
