package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A linear map under DoRA: the lengths of the rows of W + s·BA are trained. */
final class DoraProjectionTest {

  private static final String PATH = "h.0.dense";
  private static final int IN = 5;
  private static final int OUT = 4;
  private static final List<String> TRAINED =
      List.of(".lora_A", ".lora_B", ".lora_magnitude_vector", ".bias");

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.4})
  void forwardAndBackwardEqualAutograd(double dropout) {
    try (LayerLab lab = new LayerLab(1)) {
      NDArray x = lab.normal(6, IN);
      NDArray dy = lab.normal(6, OUT);
      NDArray w = lab.normal(OUT, IN);
      AdapterWeights adapter = dora(lab, true, 2, dropout);
      NDArray[] leaves = leaves(lab, adapter);
      NDArray n = lab.manager.create(norms(w, leaves[0], leaves[1]));
      Projection layer = new Projection(PATH, FrozenMatrix.of(w), lab.normal(OUT));

      try (Pass pass = Pass.training(lab.manager, lab.batch(9, 4, 2), adapter, 7);
          Tape tape = Tape.recording(pass.manager())) {
        NDArray mask = lab.mask(pass, PATH, dropout, x);
        NDArray plain = plain(x, mask, w, n, leaves);
        NDArray[] all = {x, leaves[0], leaves[1], leaves[2], leaves[3]};
        List<float[]> expected = lab.autograd(dy, () -> plain(x, mask, w, n, leaves), all);
        NDArray y = layer.forward(LayerLab.lend(x, pass), pass, tape);
        NDArray dx = Objects.requireNonNull(layer.backward(dy, pass, tape, true));

        LayerLab.assertClose(y.toFloatArray(), plain.toFloatArray(), 1e-5);
        LayerLab.assertClose(dx.toFloatArray(), expected.get(0), 1e-5);
        for (int i = 0; i < TRAINED.size(); i++) {
          LayerLab.assertClose(gradient(adapter, TRAINED.get(i)), expected.get(i + 1), 1e-5);
        }
      }
    }
  }

  /** The norms are constants of a pass: they are not measured again when a test moves A or B. */
  @ParameterizedTest
  @ValueSource(doubles = {0, 0.3})
  void backwardEqualsCentralDifferences(double dropout) {
    try (LayerLab lab = new LayerLab(2)) {
      NDArray x = lab.normal(3, IN);
      NDArray dy = lab.normal(3, OUT);
      AdapterWeights adapter = dora(lab, true, 2, dropout);
      Projection layer = new Projection(PATH, FrozenMatrix.of(lab.normal(OUT, IN)), null);

      try (Pass pass = Pass.training(lab.manager, lab.batch(9, 3), adapter, 3);
          Tape tape = Tape.recording(pass.manager())) {
        layer.forward(LayerLab.lend(x, pass), pass, tape);
        NDArray dx = Objects.requireNonNull(layer.backward(dy, pass, tape, true));
        LowRank pair = Objects.requireNonNull(adapter.pair(PATH));
        NDArray m = Objects.requireNonNull(pair.magnitude()).values();

        for (NDArray leaf : List.of(x, pair.a(), pair.b(), m)) {
          float[] expected =
              LayerLab.differences(
                  leaf, dy.toFloatArray(), () -> layer.forward(x, pass, Tape.off()).toFloatArray());
          String name =
              leaf == pair.a() ? ".lora_A" : leaf == m ? ".lora_magnitude_vector" : ".lora_B";
          LayerLab.assertClose(
              leaf == x ? dx.toFloatArray() : gradient(adapter, name), expected, 2e-3);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.3})
  void replayKeepsTheSameBitsAsForward(double dropout) {
    try (LayerLab lab = new LayerLab(3)) {
      NDArray x = lab.normal(70, IN); // beyond what small batches are multiplied like
      NDArray dy = lab.normal(70, OUT);
      AdapterWeights adapter = dora(lab, true, 2, dropout);
      Projection layer =
          new Projection(PATH, FrozenMatrix.of(lab.normal(OUT, IN)), lab.normal(OUT));
      List<List<float[]>> results = new ArrayList<>();

      for (boolean replays : new boolean[] {false, true}) {
        adapter.flatGradients().subi(adapter.flatGradients());
        try (Pass pass = Pass.training(lab.manager, lab.batch(9, 70), adapter, 7);
            Tape tape = Tape.recording(pass.manager())) {
          if (replays) {
            layer.replay(LayerLab.lend(x, pass), pass, tape);
          } else {
            layer.forward(LayerLab.lend(x, pass), pass, tape);
          }
          NDArray dx = Objects.requireNonNull(layer.backward(dy, pass, tape, true));
          results.add(List.of(dx.toFloatArray(), adapter.flatGradients().toFloatArray()));
        }
      }

      assertThat(results.get(1).get(0)).isEqualTo(results.get(0).get(0));
      assertThat(results.get(1).get(1)).isEqualTo(results.get(0).get(1));
    }
  }

  /** PEFT: test_mixed_adapter_batches_lora_with_dora_raises; PEFT refuses what is computed here. */
  @Test
  void rowsUnderDoraLoraAndNoneEqualTheirSingleRuns() {
    try (LayerLab lab = new LayerLab(4)) {
      int[] lengths = {2, 1, 3, 2, 1};
      NDArray x = lab.normal(9, IN);
      AdapterWeights dora = dora(lab, false, 2, 0.5);
      AdapterWeights other = dora(lab, false, 3, 0);
      AdapterWeights lora = lab.adapter(false, lab.pair(PATH, IN, OUT, 3, 0));
      Projection layer =
          new Projection(PATH, FrozenMatrix.of(lab.normal(OUT, IN)), lab.normal(OUT));
      List<AdapterSegment> mixed =
          List.of(
              new AdapterSegment(lora, 3, 1),
              new AdapterSegment(dora, 1, 2),
              new AdapterSegment(other, 4, 1));

      float[] y = run(lab, layer, x, lengths, mixed);

      Map<AdapterWeights, int[]> rows =
          Map.of(dora, new int[] {2, 4}, lora, new int[] {6, 2}, other, new int[] {8, 1});
      rows.forEach(
          (adapter, at) ->
              LayerLab.assertClose(
                  LayerLab.rows(y, OUT, at[0], at[1]),
                  LayerLab.rows(
                      run(lab, layer, x, lengths, List.of(new AdapterSegment(adapter, 0, 5))),
                      OUT,
                      at[0],
                      at[1]),
                  1e-6));
      float[] base = run(lab, layer, x, lengths, List.of());
      LayerLab.assertClose(LayerLab.rows(y, OUT, 0, 2), LayerLab.rows(base, OUT, 0, 2), 1e-6);
      assertThat(Arrays.equals(y, base)).isFalse();
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
      AdapterWeights full = dora(lab, true, 2, 0.2);
      AdapterWeights half = dora(lab, true, 2, 0.2);
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
        lab.floats(y),
        lab.floats(dx),
        gradient(adapter, ".lora_A"),
        gradient(adapter, ".lora_B"),
        gradient(adapter, ".lora_magnitude_vector")
      };
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.3})
  void passesLeaveNoArrays(double dropout) {
    try (LayerLab lab = new LayerLab(6)) {
      AdapterWeights adapter = dora(lab, true, 2, dropout);
      Projection layer =
          new Projection(PATH, FrozenMatrix.of(lab.normal(OUT, IN)), lab.normal(OUT));
      NDArray x = lab.normal(3, IN);
      NDArray dy = lab.normal(3, OUT);
      long bytes = adapter.nativeBytes();

      lab.assertNoLeak(
          lab.batch(9, 3),
          adapter,
          pass -> {
            try (Tape tape = Tape.recording(pass.manager())) {
              layer.forward(LayerLab.lend(x, pass), pass, tape);
              layer.backward(dy, pass, tape, true);
              layer.replay(LayerLab.lend(x, pass), pass, tape);
            }
          });

      assertThat(adapter.nativeBytes())
          .isEqualTo(bytes)
          .isEqualTo(8 * adapter.flatValues().size() + 4 * OUT); // values, gradients, norms
      adapter.close();
      assertThat(adapter.nativeBytes()).isZero();
    }
  }

  @Test
  void normsFollowWhatIsWritten() {
    try (LayerLab lab = new LayerLab(7)) {
      NDArray x = lab.normal(3, IN);
      AdapterWeights first = dora(lab, false, 2, 0);
      AdapterWeights second = dora(lab, false, 2, 0);
      Projection layer = new Projection(PATH, FrozenMatrix.of(lab.normal(OUT, IN)), null);
      int[] lengths = {3};
      float[] before = run(lab, layer, x, lengths, List.of(new AdapterSegment(first, 0, 1)));
      float[] wanted = run(lab, layer, x, lengths, List.of(new AdapterSegment(second, 0, 1)));

      first.write(second.read());

      assertThat(run(lab, layer, x, lengths, List.of(new AdapterSegment(first, 0, 1))))
          .isEqualTo(wanted)
          .isNotEqualTo(before);
    }
  }

  static AdapterWeights dora(LayerLab lab, boolean trainable, int rank, double dropout) {
    return lab.adapter(
        trainable,
        Map.of(PATH + ".lora_magnitude_vector", OUT, PATH + ".bias", OUT),
        lab.pair(PATH, IN, OUT, rank, dropout));
  }

  private static NDArray[] leaves(LayerLab lab, AdapterWeights adapter) {
    return TRAINED.stream().map(name -> lab.copyOf(adapter, PATH + name)).toArray(NDArray[]::new);
  }

  private static float[] gradient(AdapterWeights adapter, String name) {
    return LayerLab.data(adapter.readGradients(), PATH + name).values();
  }

  private static float[] norms(NDArray w, NDArray a, NDArray b) {
    return w.add(b.matMul(a).mul(1.5)).square().sum(new int[] {1}).sqrt().toFloatArray();
  }

  private static NDArray plain(NDArray x, NDArray mask, NDArray w, NDArray n, NDArray[] leaves) {
    NDArray d = x.mul(mask);
    NDArray product = d.matMul(w.transpose());
    NDArray v = d.matMul(leaves[0].transpose()).matMul(leaves[1].transpose()).mul(1.5).add(product);
    return x.matMul(w.transpose()).add(leaves[3]).add(v.mul(leaves[2].div(n))).sub(product);
  }
}
