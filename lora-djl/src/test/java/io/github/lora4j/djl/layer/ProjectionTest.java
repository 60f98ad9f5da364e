package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ProjectionTest {

  private static final String PATH = "h.0.dense";
  private static final int IN = 5;
  private static final int OUT = 4;
  private static final int RANK = 2;

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.4})
  void forwardAndBackwardEqualAutograd(double dropout) {
    try (LayerLab lab = new LayerLab(1)) {
      NDArray x = lab.normal(6, IN);
      NDArray dy = lab.normal(6, OUT);
      NDArray w = lab.normal(OUT, IN);
      AdapterWeights adapter = adapter(lab, true, dropout);
      NDArray a = lab.copyOf(adapter, PATH + ".lora_A");
      NDArray b = lab.copyOf(adapter, PATH + ".lora_B");
      NDArray bias = lab.copyOf(adapter, PATH + ".bias");
      Projection layer = new Projection(PATH, FrozenMatrix.of(w), lab.normal(OUT));

      try (Pass pass = Pass.training(lab.manager, lab.batch(9, 4, 2), adapter, 7);
          Tape tape = Tape.recording(pass.manager())) {
        NDArray mask = lab.mask(pass, PATH, dropout, x);
        NDArray plain = plain(x.mul(mask), x, w, bias, a, b);
        List<float[]> expected =
            lab.autograd(dy, () -> plain(x.mul(mask), x, w, bias, a, b), x, a, b, bias);
        NDArray y = layer.forward(LayerLab.lend(x, pass), pass, tape);
        NDArray dx = Objects.requireNonNull(layer.backward(dy, pass, tape, true));

        LayerLab.assertClose(y.toFloatArray(), plain.toFloatArray(), 1e-5);
        LayerLab.assertClose(dx.toFloatArray(), expected.get(0), 1e-5);
        LayerLab.assertClose(gradient(adapter, "lora_A"), expected.get(1), 1e-5);
        LayerLab.assertClose(gradient(adapter, "lora_B"), expected.get(2), 1e-5);
        LayerLab.assertClose(gradient(adapter, "bias"), expected.get(3), 1e-5);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.3})
  void backwardEqualsCentralDifferences(double dropout) {
    try (LayerLab lab = new LayerLab(2)) {
      NDArray x = lab.normal(3, IN);
      NDArray dy = lab.normal(3, OUT);
      AdapterWeights adapter = adapter(lab, true, dropout);
      Projection layer = new Projection(PATH, FrozenMatrix.of(lab.normal(OUT, IN)), null);

      try (Pass pass = Pass.training(lab.manager, lab.batch(9, 3), adapter, 3);
          Tape tape = Tape.recording(pass.manager())) {
        layer.forward(LayerLab.lend(x, pass), pass, tape);
        NDArray dx = Objects.requireNonNull(layer.backward(dy, pass, tape, true));
        LowRank pair = Objects.requireNonNull(adapter.pair(PATH));

        for (NDArray leaf : List.of(x, pair.a(), pair.b())) {
          float[] expected =
              LayerLab.differences(
                  leaf, dy.toFloatArray(), () -> layer.forward(x, pass, Tape.off()).toFloatArray());
          float[] actual =
              leaf == x
                  ? dx.toFloatArray()
                  : gradient(adapter, leaf == pair.a() ? "lora_A" : "lora_B");
          LayerLab.assertClose(actual, expected, 2e-3);
        }
      }
    }
  }

  @Test
  void gradientsOfTwoPassesAddUp() {
    try (LayerLab lab = new LayerLab(3)) {
      NDArray x = lab.normal(3, IN);
      NDArray dy = lab.normal(3, OUT);
      AdapterWeights adapter = adapter(lab, true, 0);
      Projection layer = new Projection(PATH, FrozenMatrix.of(lab.normal(OUT, IN)), null);

      float[] once = new float[0];
      for (int i = 0; i < 2; i++) {
        try (Pass pass = Pass.training(lab.manager, lab.batch(9, 3), adapter, i);
            Tape tape = Tape.recording(pass.manager())) {
          layer.forward(LayerLab.lend(x, pass), pass, tape);
          assertThat(layer.backward(dy, pass, tape, false)).isNull();
        }
        once = i == 0 ? gradient(adapter, "lora_A") : once;
      }

      float[] twice = gradient(adapter, "lora_A");
      for (int i = 0; i < once.length; i++) {
        assertThat(twice[i]).isEqualTo(2 * once[i]);
      }
    }
  }

  @Test
  void rowsUnderDifferentAdaptersEqualTheirSingleRuns() {
    try (LayerLab lab = new LayerLab(4)) {
      int[] lengths = {2, 1, 3, 2, 1};
      NDArray x = lab.normal(9, IN);
      AdapterWeights first = adapter(lab, false, 0.5);
      AdapterWeights second = lab.adapter(false, lab.pair(PATH, IN, OUT, 3, 0));
      Projection layer =
          new Projection(PATH, FrozenMatrix.of(lab.normal(OUT, IN)), lab.normal(OUT));
      List<AdapterSegment> mixed =
          List.of(new AdapterSegment(second, 3, 1), new AdapterSegment(first, 1, 2));
      float[] base = run(lab, layer, x, lengths, List.of());
      float[] all1 = run(lab, layer, x, lengths, List.of(new AdapterSegment(first, 0, 5)));
      float[] all2 = run(lab, layer, x, lengths, List.of(new AdapterSegment(second, 0, 5)));

      float[] y = run(lab, layer, x, lengths, mixed);

      LayerLab.assertClose(LayerLab.rows(y, OUT, 0, 2), LayerLab.rows(base, OUT, 0, 2), 1e-6);
      LayerLab.assertClose(LayerLab.rows(y, OUT, 2, 4), LayerLab.rows(all1, OUT, 2, 4), 1e-6);
      LayerLab.assertClose(LayerLab.rows(y, OUT, 6, 2), LayerLab.rows(all2, OUT, 6, 2), 1e-6);
      LayerLab.assertClose(LayerLab.rows(y, OUT, 8, 1), LayerLab.rows(base, OUT, 8, 1), 1e-6);
      assertThat(Arrays.equals(all1, base)).isFalse();
    }
  }

  private static float[] run(
      LayerLab lab, Projection layer, NDArray x, int[] lengths, List<AdapterSegment> segments) {
    try (Pass pass = Pass.inference(lab.manager, lab.batch(9, lengths), segments)) {
      return layer.forward(x, pass, Tape.off()).toFloatArray();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "FP16"})
  void halfPrecisionStaysNearFp32(ScalarType type) {
    try (LayerLab lab = new LayerLab(5)) {
      NDArray x = lab.as(ScalarType.FP32, lab.as(type, lab.normal(6, IN)));
      NDArray dy = lab.as(ScalarType.FP32, lab.as(type, lab.normal(6, OUT)));
      NDArray w = lab.as(type, lab.normal(OUT, IN));
      AdapterWeights full = adapter(lab, true, 0.2);
      AdapterWeights half = adapter(lab, true, 0.2);
      half.write(full.read());
      Projection layer = new Projection(PATH, FrozenMatrix.of(w), lab.normal(OUT));

      float[][] expected = bothWays(lab, layer, x, dy, full);
      float[][] actual = bothWays(lab, layer, lab.as(type, x), lab.as(type, dy), half);

      for (int i = 0; i < expected.length; i++) {
        LayerLab.assertClose(actual[i], expected[i], 2e-2);
      }
    }
  }

  private static float[][] bothWays(
      LayerLab lab, Projection layer, NDArray x, NDArray dy, AdapterWeights adapter) {
    try (Pass pass = Pass.training(lab.manager, lab.batch(9, 6), adapter, 3);
        Tape tape = Tape.recording(pass.manager())) {
      NDArray y = layer.forward(LayerLab.lend(x, pass), pass, tape);
      NDArray dx = Objects.requireNonNull(layer.backward(dy, pass, tape, true));
      return new float[][] {
        lab.floats(y), lab.floats(dx), gradient(adapter, "lora_A"), gradient(adapter, "lora_B")
      };
    }
  }

  @Test
  void passesLeaveNoArrays() {
    try (LayerLab lab = new LayerLab(6)) {
      AdapterWeights adapter = adapter(lab, true, 0.3);
      Projection layer =
          new Projection(PATH, FrozenMatrix.of(lab.normal(OUT, IN)), lab.normal(OUT));
      NDArray x = lab.normal(3, IN);
      NDArray dy = lab.normal(3, OUT);

      lab.assertNoLeak(
          lab.batch(9, 3),
          adapter,
          pass -> {
            try (Tape tape = Tape.recording(pass.manager())) {
              layer.forward(LayerLab.lend(x, pass), pass, tape);
              layer.backward(dy, pass, tape, true);
            }
          });
    }
  }

  private static AdapterWeights adapter(LayerLab lab, boolean trainable, double dropout) {
    return lab.adapter(
        trainable, Map.of(PATH + ".bias", OUT), lab.pair(PATH, IN, OUT, RANK, dropout));
  }

  private static float[] gradient(AdapterWeights adapter, String name) {
    return LayerLab.data(adapter.readGradients(), PATH + "." + name).values();
  }

  private static NDArray plain(
      NDArray dropped, NDArray x, NDArray w, NDArray bias, NDArray a, NDArray b) {
    NDArray update = dropped.matMul(a.transpose()).matMul(b.transpose()).mul(1.5);
    return x.matMul(w.transpose()).add(bias).add(update);
  }
}
