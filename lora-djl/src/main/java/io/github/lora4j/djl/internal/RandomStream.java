package io.github.lora4j.djl.internal;

/**
 * SplitMix64, written out so that a run gives the same numbers on every Java: where the classes of
 * the JDK may change their algorithms, these may not.
 *
 * @see <a href="https://doi.org/10.1145/2660193.2660195">Steele, Lea and Flood 2014, figure 16</a>
 */
public final class RandomStream {

  private static final long GOLDEN_RATIO = 0x9E3779B97F4A7C15L;

  private long state;

  /**
   * A stream.
   *
   * @param seed decides all numbers
   */
  public RandomStream(long seed) {
    this.state = seed;
  }

  /**
   * A seed of its own for every combination of numbers.
   *
   * @param parts in an order that counts
   * @return the seed
   */
  public static long seed(long... parts) {
    long seed = 0;
    for (long part : parts) {
      seed = mix(seed + GOLDEN_RATIO + mix(part + GOLDEN_RATIO));
    }
    return seed;
  }

  /**
   * The next number.
   *
   * @return 64 random bits
   */
  public long next() {
    state += GOLDEN_RATIO;
    return mix(state);
  }

  /**
   * Every number from 0 to below the bound, equally likely.
   *
   * @param bound positive
   * @return a number from 0 to bound - 1
   */
  public int below(int bound) {
    long candidate;
    long remainder;
    do {
      candidate = next() >>> 1;
      remainder = candidate % bound;
    } while (candidate - remainder + (bound - 1) < 0); // the last, incomplete stretch of 2^63
    return (int) remainder;
  }

  /**
   * The finaliser alone: makes strangers of neighbours.
   *
   * @param z any number
   * @return a number that belongs to it alone
   */
  public static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
