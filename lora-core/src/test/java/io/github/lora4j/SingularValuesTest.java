package io.github.lora4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The factorisations against their definitions. */
class SingularValuesTest {

  @ParameterizedTest
  @CsvSource({"7, 4", "4, 7", "5, 5", "1, 1", "6, 1", "1, 6"})
  void sumOfTheTermsIsTheMatrix(int rows, int width) {
    double[][] columns = random(rows, width);

    SingularValues found = new SingularValues(copy(columns));

    for (int column = 0; column < width; column++) {
      for (int row = 0; row < rows; row++) {
        double sum = 0;
        for (int i = 0; i < width; i++) {
          sum += found.halfLeft(i)[row] * found.halfRight(i)[column];
        }
        assertThat(sum).isCloseTo(columns[column][row], within(1e-13));
      }
    }
    for (int i = 1; i < width; i++) {
      assertThat(found.value(i)).isLessThanOrEqualTo(found.value(i - 1)).isNotNegative();
    }
  }

  @ParameterizedTest
  @CsvSource({"7, 4", "4, 7", "5, 5", "1, 3"})
  void factorsMultiplyToTheMatrixAndKeepLengths(int rows, int width) {
    double[][] columns = random(rows, width);
    if (width > 2) {
      columns[2] = columns[0].clone(); // columns that depend on each other
    }

    OrthogonalFactor factor = new OrthogonalFactor(copy(columns));

    assertThat(factor.size()).isEqualTo(Math.min(rows, width));
    for (int column = 0; column < width; column++) {
      double[] r = new double[factor.size()];
      for (int i = 0; i < r.length; i++) {
        r[i] = factor.r(i, column);
      }
      assertThat(factor.times(r)).containsExactly(columns[column], within(1e-14));
    }
    for (int i = 0; i < factor.size(); i++) {
      double[] unit = new double[factor.size()];
      unit[i] = 1;
      double square = 0;
      for (double value : factor.times(unit)) {
        square += value * value;
      }
      assertThat(square).isCloseTo(1, within(1e-14));
    }
  }

  @ParameterizedTest
  @CsvSource({"3, 3", "2, 5"})
  void zeroHasNoValues(int rows, int width) {
    SingularValues found = new SingularValues(new double[width][rows]);

    assertThat(found.squaresFrom(0)).isZero();
    assertThat(found.halfLeft(0)).containsOnly(0);
  }

  private static double[][] random(int rows, int width) {
    Random random = new Random(rows * 31L + width);
    double[][] columns = new double[width][rows];
    for (double[] column : columns) {
      for (int i = 0; i < rows; i++) {
        column[i] = random.nextGaussian();
      }
    }
    return columns;
  }

  private static double[][] copy(double[][] columns) {
    double[][] copy = new double[columns.length][];
    for (int i = 0; i < columns.length; i++) {
      copy[i] = columns[i].clone();
    }
    return copy;
  }
}
