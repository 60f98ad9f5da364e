package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatOps;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;

class DoraLinearTest {

  private static final int ROWS = 3;
  private static final int IN = 5;
  private static final int OUT = 4;
  private static final int RANK = 2;

  private final FloatOps ops = new FloatOps();
  private final DoraLinear dora = new DoraLinear(new LoraLinear("h.0.q", IN, OUT, RANK, 3, 1.5, 0));

  private final TensorData x = random(1, ROWS, IN);
  private final TensorData d = random(2, ROWS, IN);
  private final TensorData w = random(3, OUT, IN);
  private final TensorData bias = random(4, OUT);
  private final TensorData a = random(5, RANK, IN);
  private final TensorData b = random(6, OUT, RANK);
  private final TensorData m = random(7, OUT);

  @Test
  void forwardIsTheEquation() {
    TensorData y = forward(x, x);

    for (int n = 0; n < ROWS; n++) {
      for (int o = 0; o < OUT; o++) {
        double square = 0;
        double sum = 0;
        for (int i = 0; i < IN; i++) {
          double turned = w.values()[o * IN + i];
          for (int r = 0; r < RANK; r++) {
            turned += 1.5 * b.values()[o * RANK + r] * a.values()[r * IN + i];
          }
          square += turned * turned;
          sum += turned * x.values()[n * IN + i];
        }
        double expected = m.values()[o] / Math.sqrt(square) * sum + bias.values()[o];
        assertThat((double) y.values()[n * OUT + o]).isCloseTo(expected, within(1e-5)); // fp32
      }
    }
  }

  @Test
  void whatIsDroppedStillPassesTheFrozenMap() {
    TensorData none = TensorData.matrix(ROWS, IN, new float[ROWS * IN]);

    TensorData y = forward(x, none);

    assertClose(y, base(x));
  }

  @Test
  void backwardIsTheSlopeOfForwardWithTheNormsHeld() {
    TensorData dy = random(8, ROWS, OUT);
    TensorData n = dora.norms(ops, w, a, b);

    DoraLinear.Gradients<TensorData> gradients = dora.backward(ops, dy, d, w, a, b, m, n);

    DoubleSupplier loss =
        () -> dot(dora.forward(ops, d, base(x), ops.matMul(d, false, w, true), a, b, m, n), dy);
    assertSlope(loss, d, gradients.input());
    assertSlope(loss, a, gradients.a());
    assertSlope(loss, b, gradients.b());
    assertSlope(loss, m, gradients.magnitude());
  }

  /** The loss is linear in each tensor, so a central difference has rounding errors only. */
  private static void assertSlope(DoubleSupplier loss, TensorData at, TensorData gradient) {
    assertThat(gradient.shape()).isEqualTo(at.shape());
    for (int i = 0; i < at.values().length; i++) {
      float kept = at.values()[i];
      at.values()[i] = kept + 0.5f;
      double above = loss.getAsDouble();
      at.values()[i] = kept - 0.5f;
      double below = loss.getAsDouble();
      at.values()[i] = kept;
      assertThat((double) gradient.values()[i]).isCloseTo(above - below, within(2e-5));
    }
  }

  @Test
  void lengthsOfTheAdaptedRowsChangeNothing() {
    TensorData n = dora.norms(ops, w, a, b);

    TensorData y = dora.forward(ops, x, base(x), ops.matMul(x, false, w, true), a, b, n, n);

    assertClose(y, dora.pair().forward(ops, x, base(x), a, b));
  }

  @Test
  void mergedMatrixGivesWhatForwardGives() {
    TensorData merged = dora.merged(ops, w, a, b, m);

    TensorData product = ops.matMul(x, false, merged, true);

    TensorData y = forward(x, x);
    for (int i = 0; i < y.values().length; i++) {
      float expected = y.values()[i] - bias.values()[i % OUT];
      assertThat(product.values()[i]).isCloseTo(expected, within(1e-5f)); // fp32
    }
    TensorData lengths = ops.rowNorms(merged);
    for (int o = 0; o < OUT; o++) {
      assertThat(lengths.values()[o]).isCloseTo(Math.abs(m.values()[o]), within(1e-5f));
    }
  }

  @Test
  void pairHasOneLengthForEveryRowMore() {
    assertThat(dora.parameters()).isEqualTo(RANK * (IN + OUT) + OUT);
  }

  private TensorData forward(TensorData input, TensorData dropped) {
    TensorData n = dora.norms(ops, w, a, b);
    TensorData product = ops.matMul(dropped, false, w, true);
    return dora.forward(ops, dropped, base(input), product, a, b, m, n);
  }

  private TensorData base(TensorData input) {
    float[] y = ops.matMul(input, false, w, true).values();
    for (int i = 0; i < y.length; i++) {
      y[i] += bias.values()[i % OUT];
    }
    return TensorData.matrix(ROWS, OUT, y);
  }

  private static TensorData random(long seed, int... shape) {
    Random random = new Random(seed);
    float[] values = new float[shape.length == 1 ? shape[0] : shape[0] * shape[1]];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return shape.length == 1
        ? new TensorData(List.of((long) shape[0]), values)
        : TensorData.matrix(shape[0], shape[1], values);
  }

  private static double dot(TensorData left, TensorData right) {
    double sum = 0;
    for (int i = 0; i < left.values().length; i++) {
      sum += (double) left.values()[i] * right.values()[i];
    }
    return sum;
  }

  private static void assertClose(TensorData actual, TensorData expected) {
    for (int i = 0; i < expected.values().length; i++) {
      assertThat(actual.values()[i]).isCloseTo(expected.values()[i], within(1e-5f)); // fp32
    }
  }
}
