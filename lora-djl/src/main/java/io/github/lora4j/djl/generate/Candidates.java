package io.github.lora4j.djl.generate;

import java.util.Arrays;
import java.util.PriorityQueue;
import java.util.stream.IntStream;

/** Tokens that may be drawn, by rising id, and how likely each is. */
final class Candidates {

  private final int[] ids;
  private final double[] weights;
  private final double total;

  private Candidates(int[] ids, double[] weights) {
    this.ids = ids;
    this.weights = weights;
    // Added in order: a stream's sum would be compensated, which no release of Java promises.
    double sum = 0;
    for (double weight : weights) {
      sum += weight;
    }
    this.total = sum;
  }

  /**
   * What temperature, top-k and top-p leave, in this order.
   *
   * @param scores (V)
   * @param best the highest of them
   * @param options not greedy
   * @return at least the best token
   */
  static Candidates of(float[] scores, float best, GenerationOptions options) {
    float least = leastOfTopK(scores, options.topK());
    int[] ids = IntStream.range(0, scores.length).filter(id -> scores[id] >= least).toArray();
    double[] weights = new double[ids.length];
    for (int i = 0; i < ids.length; i++) {
      weights[i] = StrictMath.exp(((double) scores[ids[i]] - best) / options.temperature());
    }
    Candidates all = new Candidates(ids, weights);
    return options.topP() < 1 ? all.nucleus(options.topP()) : all;
  }

  /** Fan et al. 2018; tokens that score like the last one are kept too, as in transformers. */
  private static float leastOfTopK(float[] scores, int topK) {
    float least = Float.NEGATIVE_INFINITY;
    if (topK == 0 || topK >= scores.length) {
      return least;
    }
    PriorityQueue<Float> kept = new PriorityQueue<>();
    for (float score : scores) {
      if (kept.size() < topK) {
        kept.add(score);
        least = kept.element();
      } else if (score > least) {
        kept.remove();
        kept.add(score);
        least = kept.element();
      }
    }
    return least;
  }

  /** Holtzman et al. 2020: a token stays if those before it do not make up top-p. */
  private Candidates nucleus(double topP) {
    // Tokens this light make up at most 1 - p together. They are most of a vocabulary: no sorting.
    double light = total * (1 - topP) / weights.length;
    double[] rising = Arrays.stream(weights).filter(w -> w > light).sorted().toArray();
    int last = rising.length - 1;
    double sum = rising[last];
    while (last > 0 && sum < topP * total) {
      sum += rising[--last];
    }
    double least = rising[last];
    int[] kept = IntStream.range(0, ids.length).filter(i -> weights[i] >= least).toArray();
    return new Candidates(
        Arrays.stream(kept).map(i -> ids[i]).toArray(),
        Arrays.stream(kept).mapToDouble(i -> weights[i]).toArray());
  }

  /** Ids that may be drawn, rising. */
  int[] ids() {
    return ids.clone();
  }

  /** Probability of each. */
  double[] probabilities() {
    return Arrays.stream(weights).map(weight -> weight / total).toArray();
  }

  /**
   * Draws a token.
   *
   * @param uniform in [0, 1)
   * @return its id
   */
  int draw(double uniform) {
    double left = uniform * total;
    int drawn = ids[0];
    for (int i = 0; i < ids.length && left >= 0; i++) {
      if (weights[i] > 0) {
        drawn = ids[i];
        left -= weights[i];
      }
    }
    return drawn;
  }
}
