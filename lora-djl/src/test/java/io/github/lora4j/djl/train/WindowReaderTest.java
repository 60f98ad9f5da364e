package io.github.lora4j.djl.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.CausalLm;
import io.github.lora4j.djl.Siblings;
import io.github.lora4j.djl.data.TokenDataset;
import io.github.lora4j.djl.data.TrainingDataset;
import io.github.lora4j.djl.layer.TokenBatch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Windows of eight examples, in ordinary passes of four. */
final class WindowReaderTest {

  private static List<TokenBatch> passes(List<int[]> rows, boolean share, double dropout)
      throws IOException {
    TrainingDataset data = TokenDataset.of(rows);
    TrainingOptions options =
        TrainingOptions.builder()
            .batchSize(4)
            .gradientAccumulation(2)
            .shuffle(false)
            .sharePassages(share)
            .build();
    try (CausalLm base = TinyRun.base();
        PeftModel<CausalLm> peft = PeftModel.wrap(base, TinyRun.config(dropout).build())) {
      StepPlan plan = new StepPlan(data.size(), options);
      DataSurvey survey = DataSurvey.of("dataset", data, TinyRun.VOCABULARY);
      return WindowReader.of(plan, data, survey, peft.model().adapter().orElseThrow())
          .passes(plan.window(1));
    }
  }

  private static List<int[]> siblings(int[]... groups) {
    return Siblings.rows(1, TinyRun.VOCABULARY, groups);
  }

  @Test
  void siblingsOfDifferentBatchesMeetInOnePass() throws IOException {
    List<int[]> rows = siblings(new int[] {40, 5, 6, 5, 6, 5, 6, 5, 6});

    List<TokenBatch> passes = passes(rows, true, 0);

    assertThat(passes).hasSize(1);
    assertThat(passes.get(0).size()).isEqualTo(40 + 44);
    assertThat(passes.get(0).unshared().size()).isEqualTo(8 * 40 + 44);
  }

  @Test
  void noPassIsLargerThanAnOrdinaryOne() throws IOException {
    // four passages of 17 tokens with long questions: they do not all fit into 4 · 47 tokens
    List<int[]> rows =
        siblings(
            new int[] {17, 30, 30}, new int[] {17, 30, 30},
            new int[] {17, 30, 30}, new int[] {17, 30, 30});

    List<TokenBatch> passes = passes(rows, true, 0);

    assertThat(passes).extracting(TokenBatch::size).containsExactly(154, 154);
    assertThat(passes).allMatch(TokenBatch::isShared);
  }

  @Test
  void siblingsThatDoNotFitIntoOnePassAreDivided() throws IOException {
    List<int[]> rows = siblings(new int[] {16, 60, 60, 60, 60, 60, 60, 60, 60});

    List<TokenBatch> passes = passes(rows, true, 0);

    assertThat(passes).extracting(TokenBatch::size).containsExactly(256, 256);
    assertThat(passes).extracting(TokenBatch::rows).containsExactly(4, 4);
  }

  @Test
  void everyExampleIsInOnePass() throws IOException {
    List<int[]> rows =
        siblings(new int[] {20, 1, 9, 4}, new int[] {0, 50, 3}, new int[] {16, 2, 2, 2});
    List<List<Integer>> expected = rows.stream().map(WindowReaderTest::list).toList();

    List<List<Integer>> read = new ArrayList<>();
    for (TokenBatch pass : passes(rows, true, 0)) {
      int start = 0;
      for (int length : pass.lengths()) {
        long[] tokens = pass.unshared().tokens();
        read.add(
            list(Arrays.stream(tokens, start, start + length).mapToInt(t -> (int) t).toArray()));
        start += length;
      }
    }

    assertThat(read).containsExactlyInAnyOrderElementsOf(expected);
  }

  private static List<Integer> list(int[] values) {
    return Arrays.stream(values).boxed().toList();
  }

  @Test
  void passesAreOrdinaryIfNothingIsSharedOrSharingIsOffOrTheAdapterDropsOut() throws IOException {
    List<int[]> alone = siblings(new int[] {0, 7, 8, 9, 1, 2, 3, 4, 5});
    List<int[]> rows = siblings(new int[] {40, 1, 2, 3, 4, 5, 6, 7, 8});

    assertThat(passes(alone, true, 0)).extracting(TokenBatch::size).containsExactly(25, 14);
    assertThat(passes(rows, false, 0)).extracting(TokenBatch::size).containsExactly(170, 186);
    assertThat(passes(rows, true, 0.1)).extracting(TokenBatch::size).containsExactly(170, 186);
  }
}
