package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.lora4j.LoraConfig;
import io.github.lora4j.LoraException;
import io.github.lora4j.LoraInit;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.layer.AdapterSegment;
import io.github.lora4j.djl.layer.Pass;
import io.github.lora4j.djl.layer.TokenBatch;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class CausalLmTest {

  private static final int[][] ROWS = {{7, 90, 12}, {55}, {4, 5, 6, 7, 8, 9, 10}, {100, 0}};

  private final CausalLm base = CausalLm.load(TinyCheckpoint.GOLDEN, LoadOptions.builder().build());

  CausalLmTest() throws IOException {}

  @AfterEach
  void close() {
    base.close();
  }

  @Test
  void rowsOfAnyLengthAreScoredAsIfAlone() {
    float[][][] together = base.logits(ROWS);

    for (int row = 0; row < ROWS.length; row++) {
      assertClose(together[row], base.logits(ROWS[row])[0]);
      assertThat(together[row]).hasDimensions(ROWS[row].length, 101);
    }
  }

  @Test
  void noRowsGiveNoScores() {
    assertThat(base.logits()).isEmpty();
  }

  @Test
  void idsOutsideTheVocabularyAreRefused() {
    assertThatThrownBy(() -> base.logits(new int[] {1}, new int[] {4, 101}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("token id 101 at position 1 of row 1: the vocabulary has ids 0 to 100");
    assertThatThrownBy(() -> base.logits(new int[] {-1}))
        .hasMessage("token id -1 at position 0 of row 0: the vocabulary has ids 0 to 100");
  }

  @Test
  void emptyRowsAreRefused() {
    assertThatThrownBy(() -> base.logits(new int[] {1}, new int[0]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("sequence 1 of the batch is empty");
  }

  @Test
  void rowsUnderDifferentAdaptersEqualTheirSingleRuns() {
    try (PeftModel<CausalLm> first = PeftModel.wrap(base, config("query_key_value"), 1);
        PeftModel<CausalLm> second = PeftModel.wrap(base, config("dense", "dense_4h_to_h"), 2)) {
      List<AdapterSegment> segments =
          List.of(
              new AdapterSegment(second.model().adapter().orElseThrow(), 3, 1),
              new AdapterSegment(first.model().adapter().orElseThrow(), 0, 2));
      TokenBatch batch = TokenBatch.of(ROWS);
      float[] mixed;
      try (Pass pass = Pass.inference(base.decoder().manager(), batch, segments)) {
        mixed = base.decoder().logits(pass, false).toFloatArray();
      }

      List<CausalLm> models = List.of(first.model(), first.model(), base, second.model());
      int position = 0;
      for (int row = 0; row < ROWS.length; row++) {
        for (float[] expected : models.get(row).logits(ROWS[row])[0]) {
          for (int id = 0; id < 101; id++) {
            assertThat(mixed[position * 101 + id]).isCloseTo(expected[id], within(1e-5f));
          }
          position++;
        }
      }
    }
  }

  @Test
  void freshAdapterLeavesOutputUnchanged() {
    LoraConfig fresh = LoraConfig.builder().targetModules("query_key_value").build();
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, fresh)) {
      assertThat(peft.model().logits(ROWS)).isDeepEqualTo(base.logits(ROWS));
    }
  }

  @Test
  void lossOfAPassIsThatOfItsGradients() {
    TokenBatch batch = TokenBatch.of(List.of(ROWS), List.of(ROWS));
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config("query_key_value"), 1)) {
      CausalLm model = peft.model();
      double loss;
      try (Pass pass =
          Pass.inference(base.decoder().manager(), batch, model.segments(batch.rows()))) {
        loss = base.decoder().loss(pass, 1.0 / batch.labelCount());
      }
      try (Pass pass =
          Pass.training(base.decoder().manager(), batch, model.adapter().orElseThrow(), 1)) {
        double other = base.decoder().lossAndGradients(pass, 1.0 / batch.labelCount(), false);

        assertThat(other).isCloseTo(loss, within(1e-6));
      }
    }
  }

  @Test
  void batchWithoutLabelsHasNoLossAndNoGradient() {
    TokenBatch batch = TokenBatch.of(ROWS);
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config("query_key_value"), 1);
        Pass pass =
            Pass.training(
                base.decoder().manager(), batch, peft.model().adapter().orElseThrow(), 1)) {
      assertThat(base.decoder().lossAndGradients(pass, 1, false)).isZero();
      assertThat(peft.model().adapter().orElseThrow().flatGradients().toFloatArray())
          .containsOnly(0);
    }
  }

  @Test
  void wrappingTheModelOfAViewIsRefused() {
    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config("query_key_value"))) {
      assertThatThrownBy(() -> PeftModel.wrap(peft.model(), config("dense")).close())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "an adapter stands beside a bare base, got the model of another adapter; wrap the"
                  + " base");
    }
  }

  @Test
  void pairBesideATiedHeadChangesScoresAndNotTheBase() {
    float[][][] before = base.logits(ROWS);

    try (PeftModel<CausalLm> peft = PeftModel.wrap(base, config("lm_head"))) {
      assertThat(Arrays.deepEquals(peft.model().logits(ROWS), before)).isFalse();
    }
    assertThat(base.logits(ROWS)).isDeepEqualTo(before);
  }

  @Test
  void targetThatMatchesNothingNamesWhatThereIs() {
    assertThatThrownBy(() -> PeftModel.wrap(base, config("q_proj")).close())
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("[q_proj] match nothing in Bloom")
        .hasMessageContaining("query_key_value x2");
  }

  @Test
  void closedBaseSaysSo() {
    base.close();

    assertThatThrownBy(() -> base.logits(ROWS))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the base is closed; load it again");
    base.close();
  }

  private static LoraConfig config(String... targets) {
    return LoraConfig.builder()
        .rank(2)
        .alpha(4)
        .init(LoraInit.RANDOM)
        .targetModules(targets)
        .build();
  }

  private static void assertClose(float[][] actual, float[][] expected) {
    for (int position = 0; position < expected.length; position++) {
      for (int id = 0; id < expected[position].length; id++) {
        assertThat(actual[position][id]).isCloseTo(expected[position][id], within(1e-5f));
      }
    }
  }
}
