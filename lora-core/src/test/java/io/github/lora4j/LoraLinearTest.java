package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatOps;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoraLinearTest {

  private final FloatOps ops = new FloatOps();

  @ParameterizedTest
  @CsvSource({"4, 3, 5, 2, 0.5", "1, 6, 2, 1, 2", "3, 2, 2, 2, 0.015625", "2, 7, 4, 3, 1"})
  void forwardIsTheEquation(int rows, int in, int out, int rank, double scaling) {
    LoraLinear pair = pair(in, out, rank, scaling);
    TensorData x = random(1, rows, in);
    TensorData base = random(2, rows, out);
    TensorData a = random(3, rank, in);
    TensorData b = random(4, out, rank);

    TensorData y = pair.forward(ops, x, base, a, b);

    for (int n = 0; n < rows; n++) {
      for (int o = 0; o < out; o++) {
        double expected = base.values()[n * out + o];
        for (int r = 0; r < rank; r++) {
          for (int i = 0; i < in; i++) {
            expected +=
                scaling
                    * x.values()[n * in + i]
                    * a.values()[r * in + i]
                    * b.values()[o * rank + r];
          }
        }
        assertThat((double) y.values()[n * out + o]).isCloseTo(expected, within(1e-5)); // fp32
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"4, 3, 5, 2, 0.5", "1, 6, 2, 1, 2", "2, 7, 4, 3, 0.01"})
  void backwardIsTheSlopeOfForward(int rows, int in, int out, int rank, double scaling) {
    LoraLinear pair = pair(in, out, rank, scaling);
    TensorData x = random(1, rows, in);
    TensorData base = random(2, rows, out);
    TensorData a = random(3, rank, in);
    TensorData b = random(4, out, rank);
    TensorData dy = random(5, rows, out);

    LoraLinear.Gradients<TensorData> gradients = pair.backward(ops, dy, x, a, b);

    java.util.function.DoubleSupplier loss = () -> dot(pair.forward(ops, x, base, a, b), dy);
    assertSlope(loss, x, gradients.input());
    assertSlope(loss, a, gradients.a());
    assertSlope(loss, b, gradients.b());
  }

  /** The loss is linear in each tensor, so a central difference has rounding errors only. */
  private static void assertSlope(
      java.util.function.DoubleSupplier loss, TensorData at, TensorData gradient) {
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
  void deltaIsWhatForwardAddsToAnIdentity() {
    LoraLinear pair = pair(3, 4, 2, 0.25);
    TensorData a = random(3, 2, 3);
    TensorData b = random(4, 4, 2);
    TensorData identity = TensorData.matrix(3, 3, new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1});
    TensorData zero = TensorData.matrix(3, 4, new float[12]);

    TensorData delta = pair.delta(ops, a, b);
    TensorData columns = pair.forward(ops, identity, zero, a, b);

    assertThat(delta.shape()).containsExactly(4L, 3L);
    for (int o = 0; o < 4; o++) {
      for (int i = 0; i < 3; i++) {
        assertThat(delta.values()[o * 3 + i]).isCloseTo(columns.values()[i * 4 + o], within(1e-6f));
      }
    }
  }

  @Test
  void smallScalingLosesNoDigits() {
    LoraLinear pair = pair(8, 8, 4, 1e-6);
    TensorData a = random(3, 4, 8);
    TensorData b = random(4, 8, 4);

    TensorData scaled = pair.delta(ops, a, b);
    TensorData plain = pair(8, 8, 4, 1).delta(ops, a, b);

    for (int i = 0; i < 64; i++) {
      double expected = 1e-6 * plain.values()[i];
      assertThat((double) scaled.values()[i])
          .isCloseTo(expected, within(Math.abs(expected) * 1e-7)); // an ulp of fp32
    }
  }

  @Test
  void freshPairChangesNothing() {
    LoraLinear pair = pair(3, 5, 2, 7);
    TensorData base = random(2, 4, 5);

    for (LoraInit init : new LoraInit[] {LoraInit.KAIMING, LoraInit.GAUSSIAN}) {
      TensorData a = pair.initialA(init, 42);
      TensorData b = pair.initialB(init, 42);

      assertThat(b.values()).containsOnly(0);
      assertThat(pair.forward(ops, random(1, 4, 3), base, a, b)).isEqualTo(base);
    }
  }

  /** PEFT: test_lora_linear_init_default. */
  @Test
  void kaimingIsUniformWithinOneOverTheRootOfIn() {
    LoraLinear pair = pair(400, 5, 50, 1);

    float[] a = pair.initialA(LoraInit.KAIMING, 42).values(); // 20,000 values

    double bound = 1 / Math.sqrt(400);
    assertThat(max(a)).isBetween(0.999 * bound, bound);
    assertUniform(a, bound);
  }

  /** PEFT: test_lora_linear_init_gaussian. */
  @Test
  void gaussianHasTheInverseOfTheRankAsDeviation() {
    LoraLinear pair = pair(500, 5, 40, 1);

    float[] a = pair.initialA(LoraInit.GAUSSIAN, 42).values(); // 20,000 values

    // the standard error of the deviation is 0.5 %, that of the mean 0.7 % of it
    assertThat(deviation(a)).isCloseTo(1 / 40.0, within(0.02 / 40));
    assertThat(mean(a)).isCloseTo(0, within(0.03 / 40));
    double beyondTwo = count(a, 2 / 40.0) / 20000.0;
    assertThat(beyondTwo).isCloseTo(0.0455, within(0.006)); // a normal has 4.55 % there
  }

  /** PEFT: test_lora_linear_false. */
  @Test
  void randomMovesBAsWell() {
    LoraLinear pair = pair(100, 300, 64, 1);

    float[] a = pair.initialA(LoraInit.RANDOM, 42).values();
    float[] b = pair.initialB(LoraInit.RANDOM, 42).values();

    assertUniform(a, 1 / Math.sqrt(100));
    assertUniform(b, 1 / Math.sqrt(64));
  }

  @Test
  void initialValuesDependOnSeedAndPathOnly() {
    LoraLinear pair = pair(6, 4, 2, 1);
    LoraLinear other = new LoraLinear("h.1.q", 6, 4, 2, 1, 1, 0);
    TensorData first = pair.initialA(LoraInit.KAIMING, 42);

    assertThat(pair.initialA(LoraInit.KAIMING, 42)).isEqualTo(first);
    assertThat(pair.initialA(LoraInit.KAIMING, 43)).isNotEqualTo(first);
    assertThat(other.initialA(LoraInit.KAIMING, 42)).isNotEqualTo(first);
    assertThat(pair(6, 4, 2, 9).initialA(LoraInit.KAIMING, 42)).isEqualTo(first);
  }

  @Test
  void initialValuesStayTheSameAcrossVersions() { // a change here changes every training run
    float[] a = pair(3, 2, 1, 1).initialA(LoraInit.KAIMING, 42).values();
    float[] gaussian = pair(3, 2, 1, 1).initialA(LoraInit.GAUSSIAN, 42).values();

    assertThat(Arrays.toString(a)).isEqualTo("[-0.07526793, 0.09337722, 0.49620473]");
    assertThat(Arrays.toString(gaussian)).isEqualTo("[-0.9333176, 0.9149972, 0.8229956]");
  }

  @Test
  void pairHasRankTimesBothSidesParameters() {
    assertThat(pair(1024, 3072, 8, 1).parameters()).isEqualTo(8 * (1024 + 3072));
    assertThat(pair(65536, 65536, 32768, 1).parameters()).isEqualTo(4_294_967_296L);
  }

  private static LoraLinear pair(int in, int out, int rank, double scaling) {
    return new LoraLinear("h.0.q", in, out, rank, scaling * rank, scaling, 0);
  }

  private static TensorData random(long seed, int rows, int columns) {
    Random random = new Random(seed);
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return TensorData.matrix(rows, columns, values);
  }

  private static double dot(TensorData x, TensorData y) {
    double sum = 0;
    for (int i = 0; i < x.values().length; i++) {
      sum += (double) x.values()[i] * y.values()[i];
    }
    return sum;
  }

  /** Mean zero, deviation of a uniform, all within the bound, tenths evenly filled. */
  private static void assertUniform(float[] values, double bound) {
    assertThat(max(values)).isLessThanOrEqualTo(Math.nextUp((float) bound));
    assertThat(mean(values)).isCloseTo(0, within(0.03 * bound));
    assertThat(deviation(values)).isCloseTo(bound / Math.sqrt(3), within(0.02 * bound));
    int[] tenths = new int[10];
    for (float value : values) {
      tenths[Math.min(9, (int) ((value / bound + 1) * 5))]++;
    }
    for (int tenth : tenths) {
      assertThat(tenth / (double) values.length).isCloseTo(0.1, within(0.02));
    }
  }

  private static double max(float[] values) {
    double max = 0;
    for (float value : values) {
      max = Math.max(max, Math.abs(value));
    }
    return max;
  }

  private static double mean(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  private static double deviation(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value * value;
    }
    return Math.sqrt(sum / values.length);
  }

  private static int count(float[] values, double beyond) {
    int count = 0;
    for (float value : values) {
      count += Math.abs(value) > beyond ? 1 : 0;
    }
    return count;
  }
}
