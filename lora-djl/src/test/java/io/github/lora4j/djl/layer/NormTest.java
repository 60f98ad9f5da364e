package io.github.lora4j.djl.layer;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.djl.internal.ScalarType;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class NormTest {

  private static final int D = 6;
  private static final double EPSILON = 1e-5;

  @Test
  void forwardAndBackwardEqualAutograd() {
    try (LayerLab lab = new LayerLab(1)) {
      NDArray x = lab.normal(5, D);
      NDArray dy = lab.normal(5, D);
      NDArray weight = lab.normal(D);
      NDArray bias = lab.normal(D);
      AdapterWeights adapter = lab.adapter(true, Map.of("n.bias", D));
      NDArray own = lab.copyOf(adapter, "n.bias");
      List<float[]> expected = lab.autograd(dy, () -> plain(x, weight, own), x, own);

      try (Pass pass = Pass.training(lab.manager, lab.batch(9, 2, 3), adapter, 1);
          Tape tape = Tape.recording(pass.manager())) {
        Norm norm = new Norm("n", weight, bias, EPSILON);
        NDArray y = norm.forward(LayerLab.lend(x, pass), pass, tape);
        NDArray dx = norm.backward(dy, pass, tape);

        LayerLab.assertClose(y.toFloatArray(), plain(x, weight, own).toFloatArray(), 1e-5);
        LayerLab.assertClose(dx.toFloatArray(), expected.get(0), 1e-5);
        LayerLab.assertClose(gradient(adapter), expected.get(1), 1e-5);
      }
    }
  }

  @Test
  void backwardEqualsCentralDifferences() {
    try (LayerLab lab = new LayerLab(2)) {
      NDArray x = lab.normal(2, D);
      NDArray dy = lab.normal(2, D);
      Norm norm = new Norm("n", lab.normal(D), lab.normal(D), EPSILON);

      try (Pass pass = Pass.inference(lab.manager, lab.batch(9, 2), List.of());
          Tape tape = Tape.recording(pass.manager())) {
        norm.forward(LayerLab.lend(x, pass), pass, tape);
        float[] dx = norm.backward(dy, pass, tape).toFloatArray();

        LayerLab.assertClose(
            dx,
            LayerLab.differences(
                x, dy.toFloatArray(), () -> norm.forward(x, pass, Tape.off()).toFloatArray()),
            2e-3);
      }
    }
  }

  @Test
  void rowsSeeTheBiasOfTheirOwnAdapter() {
    try (LayerLab lab = new LayerLab(3)) {
      NDArray x = lab.normal(6, D);
      NDArray weight = lab.normal(D);
      NDArray bias = lab.normal(D);
      AdapterWeights adapter = lab.adapter(false, Map.of("n.bias", D));
      TokenBatch batch = lab.batch(9, 1, 2, 3);
      Norm norm = new Norm("n", weight, bias, EPSILON);
      float[] base = plain(x, weight, bias).toFloatArray();
      float[] adapted = plain(x, weight, lab.copyOf(adapter, "n.bias")).toFloatArray();

      List<AdapterSegment> segments = List.of(new AdapterSegment(adapter, 1, 1));
      try (Pass pass = Pass.inference(lab.manager, batch, segments)) {
        float[] y = norm.forward(x, pass, Tape.off()).toFloatArray();

        LayerLab.assertClose(LayerLab.rows(y, D, 0, 1), LayerLab.rows(base, D, 0, 1), 1e-5);
        LayerLab.assertClose(LayerLab.rows(y, D, 1, 2), LayerLab.rows(adapted, D, 1, 2), 1e-5);
        LayerLab.assertClose(LayerLab.rows(y, D, 3, 3), LayerLab.rows(base, D, 3, 3), 1e-5);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "FP16"})
  void halfPrecisionStaysNearFp32(ScalarType type) {
    try (LayerLab lab = new LayerLab(4)) {
      NDArray x = lab.as(ScalarType.FP32, lab.as(type, lab.normal(5, D)));
      NDArray dy = lab.as(ScalarType.FP32, lab.as(type, lab.normal(5, D)));
      Norm norm = new Norm("n", lab.normal(D), lab.normal(D), EPSILON);

      try (Pass pass = Pass.inference(lab.manager, lab.batch(9, 5), List.of());
          Tape tape = Tape.recording(pass.manager())) {
        float[] y = norm.forward(LayerLab.lend(x, pass), pass, tape).toFloatArray();
        float[] dx = norm.backward(dy, pass, tape).toFloatArray();
        NDArray halfY = norm.forward(lab.as(type, x), pass, tape);
        NDArray halfDx = norm.backward(lab.as(type, dy), pass, tape);

        LayerLab.assertClose(lab.floats(halfY), y, 1e-2);
        LayerLab.assertClose(lab.floats(halfDx), dx, 1e-2);
      }
    }
  }

  @Test
  void passesLeaveNoArrays() {
    try (LayerLab lab = new LayerLab(5)) {
      AdapterWeights adapter = lab.adapter(true, Map.of("n.bias", D));
      Norm norm = new Norm("n", lab.normal(D), lab.normal(D), EPSILON);
      NDArray x = lab.normal(3, D);
      NDArray dy = lab.normal(3, D);

      lab.assertNoLeak(
          lab.batch(9, 3),
          adapter,
          pass -> {
            try (Pass inner = pass.nested();
                Tape tape = Tape.recording(inner.manager())) {
              NDArray y = norm.forward(LayerLab.lend(x, inner), inner, tape);
              assertThat(y.getShape()).isEqualTo(x.getShape());
              norm.backward(dy, inner, tape);
            }
          });
    }
  }

  private static float[] gradient(AdapterWeights adapter) {
    return LayerLab.data(adapter.readGradients(), "n.bias").values();
  }

  static NDArray plain(NDArray x, NDArray weight, NDArray bias) {
    NDArray centred = x.sub(x.mean(new int[] {1}, true));
    NDArray variance = centred.square().mean(new int[] {1}, true);
    return centred.div(variance.add(EPSILON).sqrt()).mul(weight).add(bias);
  }
}
