package io.github.lora4j.djl.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.lora4j.LoraException;
import io.github.lora4j.djl.internal.Engines;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

final class SamplerTest {

  private static final BitSet NOTHING = new BitSet();

  private static GenerationOptions.Builder sampling() {
    return GenerationOptions.builder().temperature(1);
  }

  @Test
  void greedyTakesTheFirstOfTheBest() {
    Sampler sampler = new Sampler(GenerationOptions.builder().topK(2).build(), 0);

    assertThat(sampler.next(new float[] {1, 3, 2, 3}, NOTHING)).isEqualTo(1);
  }

  @Test
  void bestOfManyRowsIsWhatEachRowChooses() {
    Random random = new Random(5);
    Sampler sampler = new Sampler(GenerationOptions.builder().build(), 0);
    int vocabulary = 1001;
    try (NDManager manager = Engines.newManager(Device.cpu())) {
      for (int rows = 1; rows < 40; rows++) {
        float[] scores = new float[rows * vocabulary];
        for (int i = 0; i < scores.length; i++) {
          // few values, so that many are equal; zeros of both signs, and a score that rules out
          float[] some = {0f, -0f, -random.nextInt(1 + rows), Float.NEGATIVE_INFINITY};
          scores[i] = some[random.nextInt(some.length)];
        }

        List<Sampler.Best> best = Sampler.best(manager.create(scores, new Shape(rows, vocabulary)));

        for (int row = 0; row < rows; row++) {
          float[] own = Arrays.copyOfRange(scores, row * vocabulary, (row + 1) * vocabulary);
          assertThat(best.get(row).token())
              .as("row %d of %d", row, rows)
              .isEqualTo(sampler.next(own, NOTHING));
        }
      }
    }
  }

  @Test
  void scoresThatAreNotFiniteAreRefusedWhereverTheBestIsSought() {
    float inf = Float.POSITIVE_INFINITY;
    float[][] bad = {{1, Float.NaN, 5, Float.NaN}, {1, 2, inf, 3}, {-inf, -inf}, {inf, Float.NaN}};
    Sampler sampler = new Sampler(GenerationOptions.builder().build(), 0);
    try (NDManager manager = Engines.newManager(Device.cpu())) {
      for (float[] scores : bad) {
        NDArray array = manager.create(scores, new Shape(1, scores.length));
        LoraException expected =
            catchThrowableOfType(LoraException.class, () -> sampler.next(scores, NOTHING));

        assertThatThrownBy(() -> Sampler.best(array).get(0).token())
            .isInstanceOf(LoraException.class)
            .hasMessage(expected.getMessage());
      }
    }
  }

  @Test
  void drawsFollowTheReferenceStreamOfSplitMix64() {
    // first bytes of its published outputs for state 0: e220a839…, 6e789e6a…, 06c45d18…, f88bb8a8…
    Sampler sampler = new Sampler(sampling().build(), 0);

    for (int expected : new int[] {0xe2, 0x6e, 0x06, 0xf8}) {
      assertThat(sampler.next(new float[256], NOTHING)).isEqualTo(expected);
    }
  }

  @Test
  void seedDecidesWhatIsDrawnWhateverTheOptionsSay() {
    Sampler first = new Sampler(sampling().seed(40).build(), 43);
    Sampler second = new Sampler(sampling().seed(43).build(), 43);
    Sampler other = new Sampler(sampling().seed(43).build(), 40);
    int same = 0;

    for (int i = 0; i < 100; i++) {
      int drawn = first.next(new float[1000], NOTHING);
      assertThat(second.next(new float[1000], NOTHING)).isEqualTo(drawn);
      same += other.next(new float[1000], NOTHING) == drawn ? 1 : 0;
    }

    assertThat(same).isLessThan(10);
  }

  @Test
  void drawsAreAsFrequentAsTheirProbabilities() {
    float[] scores = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.2)};
    Sampler sampler = new Sampler(sampling().build(), 7);
    int draws = 100_000;
    double[] frequency = new double[3];

    for (int i = 0; i < draws; i++) {
      frequency[sampler.next(scores.clone(), NOTHING)] += 1.0 / draws;
    }

    // five standard deviations of the largest share
    assertThat(frequency).containsExactly(new double[] {0.5, 0.3, 0.2}, within(0.008));
  }

  @Test
  void tokenThatCannotBeIsNeverDrawn() {
    float[] scores = {Float.NEGATIVE_INFINITY, 0, Float.NEGATIVE_INFINITY};
    Sampler sampler = new Sampler(sampling().temperature(5).build(), 0);

    for (int i = 0; i < 1000; i++) {
      assertThat(sampler.next(scores.clone(), NOTHING)).isEqualTo(1);
    }
  }

  @Test
  void hardlyAnyTemperatureIsGreedy() {
    Sampler sampler = new Sampler(sampling().temperature(Double.MIN_VALUE).build(), 0);

    assertThat(sampler.next(new float[] {1, 3, 2.9f}, NOTHING)).isEqualTo(1);
  }

  @Test
  void topKKeepsTokensThatScoreLikeTheLast() {
    GenerationOptions options = sampling().topK(2).build();

    assertThat(Candidates.of(new float[] {1, 2, 3, 2}, 3, options).ids()).containsExactly(1, 2, 3);
  }

  @Test
  void topPKeepsTheBestTokenHoweverSmall() {
    GenerationOptions options = sampling().topP(1e-300).build();

    assertThat(Candidates.of(new float[] {1, 2, 1}, 2, options).ids()).containsExactly(1);
  }

  @Test
  void topPOfALargeVocabularyKeepsWhatSortingAllWouldKeep() {
    Random random = new Random(5);
    float[] scores = new float[20_000];
    for (int id = 0; id < scores.length; id++) {
      scores[id] = (float) random.nextGaussian();
    }
    float best = scores[Sampler.best(scores)];
    Integer[] byScore = new Integer[scores.length];
    Arrays.setAll(byScore, id -> id);
    Arrays.sort(byScore, (a, b) -> Float.compare(scores[b], scores[a]));
    double[] all = Candidates.of(scores, best, sampling().build()).probabilities();
    double before = 0;
    Set<Integer> expected = new TreeSet<>();
    for (int id : byScore) {
      if (before < 0.9) {
        expected.add(id);
      }
      before += all[id];
    }

    int[] kept = Candidates.of(scores, best, sampling().topP(0.9).build()).ids();

    assertThat(kept).containsExactly(expected.stream().mapToInt(Integer::intValue).toArray());
    assertThat(kept.length).isBetween(1000, 19_000);
  }

  @Test
  void scoresThatAreNotFiniteAreRefused() {
    Sampler sampler = new Sampler(GenerationOptions.builder().build(), 0);

    for (float[] scores :
        new float[][] {
          {0, Float.NaN},
          {Float.NaN, 0},
          {0, Float.POSITIVE_INFINITY},
          {Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY}
        }) {
      assertThatThrownBy(() -> sampler.next(scores, NOTHING))
          .isInstanceOf(LoraException.class)
          .hasMessageContaining("not finite");
    }
  }
}
