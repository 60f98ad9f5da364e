package io.github.lora4j.djl.generate;

import ai.djl.ndarray.NDArray;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Kernels;
import io.github.lora4j.djl.internal.RandomStream;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Chooses the next token of one row. Steps and their order are those of transformers: repetition
 * penalty, temperature, top-k, top-p, draw. All in fp64 with strict exponentials and an own random
 * stream, so that a seed means the same tokens on every JDK.
 */
final class Sampler {

  private final GenerationOptions options;
  private final RandomStream random;

  /**
   * A sampler.
   *
   * @param options how to choose
   * @param seed decides what is drawn, in place of the options' seed
   */
  Sampler(GenerationOptions options, long seed) {
    this.options = options;
    this.random = new RandomStream(RandomStream.mix(seed));
  }

  /**
   * Chooses a token.
   *
   * @param scores (V), overwritten
   * @param seen tokens of the prompt and those generated
   * @return its id
   */
  int next(float[] scores, BitSet seen) {
    penalise(scores, seen);
    int best = best(scores);
    return options.greedy() ? best : Candidates.of(scores, scores[best], options).draw(uniform());
  }

  /** Keskar et al. 2019, section 4.1, with the sign that transformers gives it. */
  void penalise(float[] scores, BitSet seen) {
    double penalty = options.repetitionPenalty();
    if (penalty != 1) {
      seen.stream()
          .forEach(
              id ->
                  scores[id] =
                      (float) (scores[id] < 0 ? scores[id] * penalty : scores[id] / penalty));
    }
  }

  /** The first of the best, so that equal scores are no accident. */
  static int best(float[] scores) {
    int best = 0;
    for (int id = 0; id < scores.length; id++) {
      if (Float.isNaN(scores[id])) {
        throw notFinite(id, scores[id]);
      }
      if (scores[id] > scores[best]) {
        best = id;
      }
    }
    if (Float.isInfinite(scores[best])) {
      throw notFinite(best, scores[best]);
    }
    return best;
  }

  /** Refuses a score that no choice can rest on. */
  static LoraException notFinite(int id, float score) {
    return new LoraException(
        "the model scores token %d with %s; its weights or the adapter hold values that are not finite, or fp16 overflows: try fp32 or bf16"
            .formatted(id, score));
  }

  /**
   * The token that {@link #next} chooses for each row where the best is wanted and nothing is
   * penalised. It is found where the scores are, so that two numbers a row travel, not V.
   *
   * @param scores (V) for each row, (B, V), fp32
   * @return (B)
   */
  static List<Best> best(NDArray scores) {
    List<Best> rows = new ArrayList<>();
    try (NDArray best = Kernels.get().one(scores.getManager(), "head_best", scores)) {
      double[] pairs = best.toDoubleArray(); // (B, 2)
      for (int row = 0; row < pairs.length / 2; row++) {
        rows.add(new Best((int) pairs[2 * row], (float) pairs[2 * row + 1]));
      }
    }
    return rows;
  }

  /**
   * The best token of a row.
   *
   * @param id its id
   * @param score its score, finite unless the row's model is out of order
   */
  record Best(int id, float score) {

    /** The id, if a choice can rest on the score. */
    int token() {
      if (!Float.isFinite(score)) {
        throw notFinite(id, score);
      }
      return id;
    }
  }

  /** 53 bits in [0, 1). */
  private double uniform() {
    return (random.next() >>> 11) * 0x1p-53;
  }
}
