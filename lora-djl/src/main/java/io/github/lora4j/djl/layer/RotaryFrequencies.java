package io.github.lora4j.djl.layer;

/**
 * How fast each pair of numbers of a head turns with the position, radians a token, and the factor
 * of cos and sin. Some ways of reaching beyond the length that a model was trained with depend on
 * how long a sequence is.
 *
 * <p>With R the numbers of a head that turn, b the base and i = 0, 2 … R - 2: plainly {@code
 * b^(-i/R)}. Computed in fp32 as the reference does, so that far positions agree.
 *
 * @see <a href="https://arxiv.org/abs/2104.09864">Su et al. 2021, section 3.2.2</a>
 */
public interface RotaryFrequencies {

  /**
   * Frequencies for a sequence.
   *
   * @param length its tokens in all
   * @return R / 2 of them
   */
  float[] at(int length);

  /**
   * The factor of cos and sin.
   *
   * @return 1 unless the scaling says otherwise
   */
  default double factor() {
    return 1;
  }

  /**
   * Up to which length {@link #at} gives the same; beyond, keys that were turned already would have
   * to be turned anew.
   *
   * @return tokens; {@link Integer#MAX_VALUE} if the length never matters
   */
  default int constantUpTo() {
    return Integer.MAX_VALUE;
  }

  /**
   * No scaling.
   *
   * @param base b
   * @param width R
   * @return b^(-i/R)
   */
  static RotaryFrequencies plain(double base, int width) {
    float[] frequencies = powers(base, width);
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = 1 / frequencies[i];
    }
    return length -> frequencies;
  }

  /**
   * Positions divided by a factor.
   *
   * @param base b
   * @param width R
   * @param factor by which sequences may be longer
   * @return b^(-i/R) / factor
   * @see <a href="https://arxiv.org/abs/2306.15595">Chen et al. 2023</a>
   */
  static RotaryFrequencies linear(double base, int width, double factor) {
    float[] frequencies = plain(base, width).at(0).clone();
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] /= (float) factor;
    }
    return length -> frequencies;
  }

  /**
   * A base that grows with the sequence, beyond the trained length ("dynamic NTK").
   *
   * @param base b
   * @param width R
   * @param factor by which sequences may be longer
   * @param trained the trained length, tokens
   * @return frequencies that depend on the length
   */
  static RotaryFrequencies dynamic(double base, int width, double factor, int trained) {
    RotaryFrequencies plain = plain(base, width);
    return new RotaryFrequencies() {
      @Override
      public float[] at(int length) {
        if (length <= trained) {
          return plain.at(length);
        }
        double stretch = factor * length / trained - (factor - 1);
        return plain(base * Math.pow(stretch, width / (width - 2.0)), width).at(length);
      }

      @Override
      public int constantUpTo() {
        return trained;
      }
    };
  }

  /**
   * Llama 3.1's: slow pairs are divided by a factor, fast ones stay, those between are mixed.
   *
   * @param base b
   * @param width R
   * @param factor by which slow pairs are slowed down
   * @param low wavelengths above trained / low are slow
   * @param high wavelengths below trained / high are fast
   * @param trained the length before scaling, tokens
   * @return the mixed frequencies
   */
  static RotaryFrequencies llama3(
      double base, int width, double factor, double low, double high, int trained) {
    float[] frequencies = plain(base, width).at(0).clone();
    for (int i = 0; i < frequencies.length; i++) {
      double wavelength = 2 * Math.PI / frequencies[i];
      if (wavelength > trained / low) {
        frequencies[i] /= (float) factor;
      } else if (wavelength >= trained / high) {
        double smooth = (trained / wavelength - low) / (high - low);
        frequencies[i] = (float) ((1 - smooth) * frequencies[i] / factor + smooth * frequencies[i]);
      }
    }
    return length -> frequencies;
  }

  /**
   * YaRN: pairs that turn more than {@code fast} times over the trained length stay, those that
   * turn less than {@code slow} times are divided by the factor, a ramp lies between.
   *
   * @param base b
   * @param width R
   * @param factor by which sequences may be longer
   * @param fast turns, 32 in the paper
   * @param slow turns, 1 in the paper
   * @param truncate whether the ends of the ramp are rounded to whole pairs
   * @param trained the length before scaling, tokens
   * @param attention factor of cos and sin
   * @return the mixed frequencies
   * @see <a href="https://arxiv.org/abs/2309.00071">Peng et al. 2023</a>
   */
  static RotaryFrequencies yarn(
      double base,
      int width,
      double factor,
      double fast,
      double slow,
      boolean truncate,
      int trained,
      double attention) {
    double first = pairThatTurns(fast, base, width, trained);
    double last = pairThatTurns(slow, base, width, trained);
    double from = Math.max(truncate ? Math.floor(first) : first, 0);
    double to = Math.min(truncate ? Math.ceil(last) : last, width - 1);
    double span = (from == to ? to + 0.001 : to) - from;
    float[] powers = powers(base, width);
    float[] frequencies = new float[powers.length];
    for (int i = 0; i < powers.length; i++) {
      double stay = 1 - Math.min(1, Math.max(0, (i - from) / span));
      frequencies[i] = (float) ((1 - stay) / (factor * powers[i]) + stay / powers[i]);
    }
    return new Fixed(frequencies, attention);
  }

  /**
   * Long RoPE: a divisor for every pair, others beyond the trained length.
   *
   * @param base b
   * @param width R
   * @param shortFactors divisors up to the trained length, R / 2
   * @param longFactors divisors beyond
   * @param trained the length before scaling, tokens
   * @param attention factor of cos and sin
   * @return frequencies that depend on the length
   * @see <a href="https://arxiv.org/abs/2402.13753">Ding et al. 2024</a>
   */
  static RotaryFrequencies longRope(
      double base,
      int width,
      double[] shortFactors,
      double[] longFactors,
      int trained,
      double attention) {
    float[] within = divided(base, width, shortFactors);
    float[] beyond = divided(base, width, longFactors);
    return new RotaryFrequencies() {
      @Override
      public float[] at(int length) {
        return length > trained ? beyond : within;
      }

      @Override
      public double factor() {
        return attention;
      }

      @Override
      public int constantUpTo() {
        return trained;
      }
    };
  }

  /** Frequencies that no length changes, with a factor. */
  @SuppressWarnings("ArrayRecordComponent") // a table, equality is never asked for
  record Fixed(float[] frequencies, double factor) implements RotaryFrequencies {
    @Override
    public float[] at(int length) {
      return frequencies;
    }
  }

  private static float[] divided(double base, int width, double[] divisors) {
    if (divisors.length != width / 2) {
      throw new IllegalArgumentException(
          "long RoPE needs %d factors, got %d".formatted(width / 2, divisors.length));
    }
    float[] powers = powers(base, width);
    for (int i = 0; i < powers.length; i++) {
      powers[i] = 1 / ((float) divisors[i] * powers[i]);
    }
    return powers;
  }

  private static double pairThatTurns(double turns, double base, int width, int trained) {
    return width * Math.log(trained / (turns * 2 * Math.PI)) / (2 * Math.log(base));
  }

  /** b^(i/R) for i = 0, 2 … R - 2. */
  private static float[] powers(double base, int width) {
    if (width < 2 || width % 2 != 0) {
      throw new IllegalArgumentException(
          "an even number of a head's numbers turn in pairs, got " + width);
    }
    float[] powers = new float[width / 2];
    for (int i = 0; i < powers.length; i++) {
      powers[i] = (float) Math.pow(base, (float) (2 * i) / width);
    }
    return powers;
  }
}
