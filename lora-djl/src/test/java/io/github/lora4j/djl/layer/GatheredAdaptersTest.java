package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;
import io.github.lora4j.djl.train.ManagedArrays;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Steps of one token a row with all adapters as one, against every segment added by itself. */
final class GatheredAdaptersTest {

  private static final int IN = 6;
  private static final int OUT = 5;
  private static final int ROWS = 7;

  /** The adapters of a batch: ranks, modules and biases all different. */
  private static final class Mixture {
    final AdapterWeights narrow;
    final AdapterWeights wide;
    final AdapterWeights elsewhere;
    final AdapterWeights biasOnly;
    final AdapterWeights dora;
    final AdapterWeights fineDora;

    Mixture(LayerLab lab) {
      narrow = lab.adapter(false, lab.pair("q", IN, OUT, 1, 0.5));
      wide =
          lab.adapter(
              false,
              Map.of("q.bias", OUT, "norm.bias", IN),
              lab.pair("q", IN, OUT, 4, 0),
              lab.pair("d", IN, OUT, 2, 0));
      elsewhere = lab.adapter(false, lab.pair("x", IN, OUT, 2, 0));
      dora =
          lab.adapter(
              false,
              Map.of("q.lora_magnitude_vector", OUT, "d.lora_magnitude_vector", OUT),
              lab.pair("q", IN, OUT, 3, 0),
              lab.pair("d", IN, OUT, 2, 0));
      fineDora =
          lab.adapter(
              false,
              Map.of("q.lora_magnitude_vector", OUT, "q.bias", OUT),
              lab.pair("q", IN, OUT, 1, 0));
      biasOnly = lab.adapter(false, Map.of("q.bias", OUT), lab.pair("d", IN, OUT, 3, 0));
    }

    /** Every way to lay rows out: none, one, all, gaps, ends without an adapter, one twice. */
    List<List<AdapterSegment>> batches() {
      return List.of(
          List.of(),
          List.of(new AdapterSegment(wide, 0, ROWS)),
          List.of(new AdapterSegment(wide, 2, 3)),
          List.of(new AdapterSegment(elsewhere, 0, ROWS)),
          List.of(new AdapterSegment(wide, 4, 3), new AdapterSegment(narrow, 0, 4)),
          List.of(new AdapterSegment(narrow, 1, 1), new AdapterSegment(wide, 3, 2)),
          List.of(new AdapterSegment(wide, 0, 1), new AdapterSegment(wide, 5, 2)),
          List.of(
              new AdapterSegment(biasOnly, 0, 1),
              new AdapterSegment(narrow, 1, 2),
              new AdapterSegment(elsewhere, 3, 1),
              new AdapterSegment(wide, 5, 1)),
          List.of(new AdapterSegment(dora, 0, ROWS)),
          List.of(new AdapterSegment(fineDora, 2, 3)),
          List.of(
              new AdapterSegment(fineDora, 0, 1),
              new AdapterSegment(wide, 1, 2),
              new AdapterSegment(dora, 4, 2)));
    }
  }

  @ParameterizedTest
  @CsvSource({"FP32, 1e-6", "BF16, 1e-2"})
  void gatheredRowsEqualSegmentsAddedOneByOne(ScalarType type, double tolerance) {
    try (LayerLab lab = new LayerLab(1);
        KeyValueCache cache = filledCache(lab)) {
      NDArray weight = lab.as(type, lab.normal(OUT, IN));
      List<Projection> layers =
          List.of(
              new Projection("q", FrozenMatrix.of(weight), lab.normal(OUT)),
              new Projection("d", FrozenMatrix.of(weight), lab.normal(OUT)),
              new Projection("d", FrozenMatrix.of(weight), null));
      Norm norm = new Norm("norm", lab.normal(IN), lab.normal(IN), 1e-5);
      NDArray x = lab.as(type, lab.normal(ROWS, IN));

      for (List<AdapterSegment> segments : new Mixture(lab).batches()) {
        for (Projection layer : layers) {
          LayerLab.assertClose(
              step(lab, cache, segments, true, pass -> layer.forward(x, pass, Tape.off())),
              step(lab, cache, segments, false, pass -> layer.forward(x, pass, Tape.off())),
              tolerance);
        }
        LayerLab.assertClose(
            step(lab, cache, segments, true, pass -> norm.forward(x, pass, Tape.off())),
            step(lab, cache, segments, false, pass -> norm.forward(x, pass, Tape.off())),
            tolerance);
      }
    }
  }

  @Test
  void valuesAreReadWhenRowsChangeAndNotAtEveryToken() {
    try (LayerLab lab = new LayerLab(2);
        KeyValueCache cache = filledCache(lab)) {
      AdapterWeights adapter =
          lab.adapter(false, Map.of("q.bias", OUT), lab.pair("q", IN, OUT, 2, 0));
      AdapterWeights other =
          lab.adapter(false, Map.of("q.bias", OUT), lab.pair("q", IN, OUT, 2, 0));
      Projection layer = new Projection("q", FrozenMatrix.of(lab.normal(OUT, IN)), lab.normal(OUT));
      NDArray x = lab.normal(ROWS, IN);
      List<AdapterSegment> all = List.of(new AdapterSegment(adapter, 0, ROWS));
      List<AdapterSegment> others = List.of(new AdapterSegment(other, 0, ROWS));
      float[] before = step(lab, cache, all, true, pass -> layer.forward(x, pass, Tape.off()));
      float[] wanted = step(lab, cache, others, true, pass -> layer.forward(x, pass, Tape.off()));
      float[] again = step(lab, cache, all, true, pass -> layer.forward(x, pass, Tape.off()));

      adapter.write(other.read());

      assertThat(step(lab, cache, all, true, pass -> layer.forward(x, pass, Tape.off())))
          .isEqualTo(again)
          .isEqualTo(before)
          .isNotEqualTo(wanted);
      cache.keep(new int[] {0, 1, 2, 3, 4, 5, 6});
      assertThat(step(lab, cache, all, true, pass -> layer.forward(x, pass, Tape.off())))
          .isEqualTo(wanted);
    }
  }

  @Test
  void stepsMakeNoArraysAndRowsThatLeaveTakeTheirs() {
    try (LayerLab lab = new LayerLab(3)) {
      Mixture mixture = new Mixture(lab);
      Projection layer = new Projection("q", FrozenMatrix.of(lab.normal(OUT, IN)), lab.normal(OUT));
      NDArray x = lab.normal(ROWS, IN);
      NDArray fewer = lab.normal(2, IN);
      List<AdapterSegment> mixed = mixture.batches().get(7);
      List<AdapterSegment> left = List.of(new AdapterSegment(mixture.narrow, 0, 2));
      int before = ManagedArrays.below(lab.manager);

      try (KeyValueCache cache = filledCache(lab)) {
        int bare = ManagedArrays.below(lab.manager);
        for (int token = 0; token < 10; token++) {
          step(lab, cache, mixed, true, pass -> layer.forward(x, pass, Tape.off()));
          assertThat(ManagedArrays.below(lab.manager))
              .as("a manager, A, B and the biases of all rows")
              .isEqualTo(bare + 4);
        }

        cache.keep(new int[] {1, 2});
        assertThat(ManagedArrays.below(lab.manager)).isEqualTo(bare);
        step(lab, cache, left, true, pass -> layer.forward(fewer, pass, Tape.off()));
        assertThat(ManagedArrays.below(lab.manager)).as("a manager, A and B").isEqualTo(bare + 3);
      }

      assertThat(ManagedArrays.below(lab.manager)).isEqualTo(before);
    }
  }

  private interface Use {
    NDArray of(Pass pass);
  }

  private static float[] step(
      LayerLab lab, KeyValueCache cache, List<AdapterSegment> segments, boolean gather, Use use) {
    int[] ones = new int[cache.rows()];
    Arrays.fill(ones, 1);
    try (Pass pass = Pass.cached(lab.manager, lab.batch(9, ones), segments, cache, gather)) {
      return lab.floats(use.of(pass));
    }
  }

  /** A cache whose rows hold a token each, so that the next pass is a step. */
  private static KeyValueCache filledCache(LayerLab lab) {
    KeyValueCache cache = new KeyValueCache(lab.manager, ScalarType.FP32, 1, ROWS, 1, 2, 4);
    cache.advance(new int[] {1, 1, 1, 1, 1, 1, 1});
    return cache;
  }
}
