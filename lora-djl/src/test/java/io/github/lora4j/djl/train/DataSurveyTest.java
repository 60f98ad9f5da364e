package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.djl.Siblings;
import io.github.lora4j.djl.data.TokenExample;
import io.github.lora4j.djl.data.TrainingDataset;
import java.util.List;
import org.junit.jupiter.api.Test;

final class DataSurveyTest {

  private static DataSurvey survey(TokenExample... examples) {
    return DataSurvey.of("dataset", TrainingDataset.of(List.of(examples)), 10);
  }

  private static TokenExample example(int[] tokens, int... labels) {
    return new TokenExample(tokens, labels);
  }

  @Test
  void emptyDatasetIsRefused() {
    assertThatThrownBy(() -> survey())
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the dataset is empty; it needs at least one example");
  }

  @Test
  void datasetWithoutLabelsIsRefused() {
    TokenExample masked = example(new int[] {1, 2}, -100, -100);
    TokenExample labelledAtTheStart = example(new int[] {1, 2}, 1, -100);

    assertThatThrownBy(() -> survey(masked, labelledAtTheStart))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2 examples but no position to learn from");
  }

  @Test
  void oneLabelIsEnough() {
    TokenExample masked = example(new int[] {1, 2}, -100, -100);

    assertThat(survey(masked, example(new int[] {1, 2}, -100, 2)).examples()).isEqualTo(2);
  }

  @Test
  void idOutsideTheVocabularyIsRefusedWithItsPlace() {
    assertThatThrownBy(
            () -> survey(TokenExample.of(new int[] {1}), TokenExample.of(new int[] {1, 10})))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("dataset, example 1, position 1: token id 10")
        .hasMessageContaining("ids 0 to 9");
    assertThatThrownBy(() -> survey(example(new int[] {1, 2}, -100, -1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("example 0, position 1: label id -1");
  }

  @Test
  void checksumTellsDataApart() {
    long checksum = survey(TokenExample.of(new int[] {1, 2, 3})).checksum();

    assertThat(survey(TokenExample.of(new int[] {1, 2, 3})).checksum()).isEqualTo(checksum);
    assertThat(survey(TokenExample.of(new int[] {1, 3, 2})).checksum()).isNotEqualTo(checksum);
    assertThat(survey(example(new int[] {1, 2, 3}, -100, 2, 3)).checksum()).isNotEqualTo(checksum);
  }

  @Test
  void examplesThatBeginAlikeAreOneFamily() {
    int[] passage = new int[32];
    int[] other = passage.clone();
    other[31] = 1;

    DataSurvey survey =
        survey(
            TokenExample.of(Siblings.join(passage, new int[] {1, 2})),
            TokenExample.of(other),
            TokenExample.of(Siblings.join(passage, new int[] {3})),
            TokenExample.of(new int[] {4}),
            TokenExample.of(new int[] {4}));

    assertThat(survey.families()).containsExactly(0, 1, 0, 2, 2);
    assertThat(survey.lengths()).containsExactly(34, 32, 33, 1, 1);
  }
}
