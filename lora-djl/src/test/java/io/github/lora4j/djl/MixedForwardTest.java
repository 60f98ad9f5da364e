package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.Gson;
import com.google.gson.annotations.SerializedName;
import io.github.lora4j.LoraConfig;
import io.github.lora4j.PeftModel;
import io.github.lora4j.djl.generate.GenerationOptions;
import io.github.lora4j.djl.generate.GenerationRequest;
import io.github.lora4j.djl.generate.TextGenerator;
import io.github.lora4j.djl.train.ManagedArrays;
import io.github.lora4j.spi.TensorData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * One pass with a different adapter, or none, per row, against PEFT's {@code adapter_names} and
 * against single runs. PEFT's rule against mixed batches while a model is in training mode has no
 * counterpart: there is no mode.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class MixedForwardTest {

  private static final Path GOLDEN = Path.of("src/test/resources/golden/bloom/mixed");

  /** Rows are of other lengths in the single runs, which moves the last bits. */
  private static final float TOLERANCE = 2e-5f;

  private static final class Golden {
    List<String> rows = List.of();
    int[][] prompts = {};

    @SerializedName("prompt_texts")
    List<String> texts = List.of();

    @SerializedName("max_new_tokens")
    int maxNewTokens;

    @SerializedName("new_texts")
    List<String> newTexts = List.of();
  }

  private Golden golden;
  private CausalLm base;
  private PeftModel<CausalLm> first;
  private PeftModel<CausalLm> second;

  @BeforeAll
  void load() throws IOException {
    golden = new Gson().fromJson(Files.readString(GOLDEN.resolve("manifest.json")), Golden.class);
    base =
        CausalLm.load(
            TinyCheckpoint.GOLDEN, LoadOptions.builder().precision(Precision.FP32).build());
    first = PeftModel.fromPretrained(base, GOLDEN.resolve("a0"));
    second = PeftModel.fromPretrained(base, GOLDEN.resolve("a1"));
  }

  @AfterAll
  void close() {
    first.close();
    second.close();
    base.close();
  }

  private Optional<PeftModel<CausalLm>> view(String name) {
    return switch (name) {
      case "__base__" -> Optional.empty();
      case "a0" -> Optional.of(first);
      default -> Optional.of(second);
    };
  }

  private CausalLm model(String name) {
    return view(name).map(PeftModel::model).orElse(base);
  }

  /** PEFT: _test_mixed_adapter_batches. Logits of ranks 2 and 6; its tolerance is 1e-4. */
  @Test
  void logitsEqualThoseOfAdapterNames() throws IOException {
    TensorData expected = GoldenTensors.read(GOLDEN.resolve("expected.safetensors")).get("logits");

    float[][][] logits =
        base.logits(golden.rows.stream().map(this::model).toList(), golden.prompts);

    assertThat(first.config().rank()).isEqualTo(2);
    assertThat(second.config().rank()).isEqualTo(6);
    float[] wanted = Objects.requireNonNull(expected).values();
    int at = 0;
    for (float[][] row : logits) {
      for (float[] position : row) {
        for (float score : position) {
          assertThat(score).isCloseTo(wanted[at++], within(1e-4f));
        }
      }
    }
    assertThat(at).isEqualTo(wanted.length);
  }

  /** PEFT: _test_mixed_adapter_batches, test_generate_with_mixed_adapter_batches. */
  @Test
  void greedyTextsEqualThoseOfAdapterNames() {
    List<GenerationRequest> requests = new ArrayList<>();
    for (int row = 0; row < golden.rows.size(); row++) {
      GenerationRequest request = GenerationRequest.of(golden.texts.get(row));
      requests.add(view(golden.rows.get(row)).map(request::adapter).orElse(request));
    }

    List<String> texts =
        TextGenerator.of(base)
            .generate(
                requests, GenerationOptions.builder().maxNewTokens(golden.maxNewTokens).build());

    assertThat(texts).isEqualTo(golden.newTexts);
  }

  @Test
  void rowsInAnyOrderEqualTheirSingleRuns() {
    Random random = new Random(31);
    int before = ManagedArrays.below(base.decoder().manager());
    for (int round = 0; round < 20; round++) {
      List<CausalLm> models = new ArrayList<>();
      int[][] rows = new int[1 + random.nextInt(9)][];
      for (int row = 0; row < rows.length; row++) {
        models.add(model(List.of("__base__", "a0", "a1").get(random.nextInt(3))));
        rows[row] = random.ints(1 + random.nextInt(8), 0, 101).toArray();
      }

      float[][][] mixed = second.model().logits(models, rows);

      for (int row = 0; row < rows.length; row++) {
        float[][] alone = models.get(row).logits(rows[row])[0];
        assertThat(mixed[row]).hasDimensions(alone.length, alone[0].length);
        for (int position = 0; position < alone.length; position++) {
          assertThat(mixed[row][position]).containsExactly(alone[position], within(TOLERANCE));
        }
      }
    }
    assertThat(ManagedArrays.below(base.decoder().manager())).isEqualTo(before);
  }

  /** PEFT: test_mixed_adapter_batches_length_mismatch_raises. */
  @Test
  void rowsWithoutAModelEachAreRefused() {
    assertThatThrownBy(() -> base.logits(List.of(base, first.model()), new int[][] {{5}}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("wanted a model for each row, got 2 models for 1 rows");
    assertThat(base.logits(List.of())).isEmpty();
  }

  /**
   * PEFT: test_mixed_adapter_batches_lora_wrong_adapter_name_raises. An adapter is a view here, so
   * a wrong one is a view of another base.
   */
  @Test
  void viewsOfAnotherBaseAreRefusedAllAtOnce() throws IOException {
    try (CausalLm other = CausalLm.load(TinyCheckpoint.GOLDEN.toString());
        PeftModel<CausalLm> foreign = PeftModel.fromPretrained(other, GOLDEN.resolve("a0"))) {
      assertThatThrownBy(
              () ->
                  base.logits(
                      List.of(foreign.model(), first.model(), other), new int[][] {{5}, {6}, {7}}))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "row 0: its model stands on another base; load its adapter beside this one; "
                  + "row 2: its model stands on another base; load its adapter beside this one");
    }
  }

  /** PEFT: test_mixed_adapter_batches_merged_raises. A merged model is a base of its own. */
  @Test
  void rowOfAMergedModelIsOfAnotherBase() throws IOException {
    int[][] rows = {{5, 6, 7}, {5, 6, 7}};
    try (CausalLm merged = PeftModel.fromPretrained(base, GOLDEN.resolve("a0")).merge();
        PeftModel<CausalLm> beside = PeftModel.fromPretrained(merged, GOLDEN.resolve("a1"))) {
      assertThatThrownBy(() -> base.logits(List.of(first.model(), merged), rows))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("row 1: its model stands on another base");

      float[][][] mixed = merged.logits(List.of(merged, beside.model()), rows);
      for (int position = 0; position < 3; position++) {
        float[] alone = merged.logits(rows[0])[0][position];
        assertThat(mixed[0][position]).containsExactly(alone, within(TOLERANCE));
        assertThat(mixed[1][position]).isNotEqualTo(mixed[0][position]);
      }
    }
  }

  /** PEFT: test_mixed_adapter_batches_lora_wrong_adapter_name_raises, for one that was deleted. */
  @Test
  void closedViewsAreRefusedAllAtOnceAndTheOthersAreLetGo() throws IOException {
    PeftModel<CausalLm> open = PeftModel.fromPretrained(base, GOLDEN.resolve("a0"));
    PeftModel<CausalLm> closed = PeftModel.fromPretrained(base, GOLDEN.resolve("a1"));
    closed.close();

    assertThatThrownBy(
            () ->
                base.logits(
                    List.of(closed.model(), open.model(), base, closed.model()),
                    new int[][] {{5}, {6}, {7}, {8}}))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "row 0: its adapter is closed; load it again; row 3: its adapter is closed; load it again");

    open.close();
    assertThat(open.nativeBytes()).isZero();
  }

  @Test
  void idsOutsideTheVocabularyAreRefusedAndNothingIsHeld() throws IOException {
    PeftModel<CausalLm> view = PeftModel.fromPretrained(base, GOLDEN.resolve("a0"));

    assertThatThrownBy(() -> base.logits(List.of(base, view.model()), new int[][] {{5}, {6, 101}}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("token id 101 at position 1 of row 1: the vocabulary has ids 0 to 100");
    assertThatThrownBy(() -> base.logits(List.of(view.model()), new int[][] {{}}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is empty");

    view.close();
    assertThat(view.nativeBytes()).isZero();
  }

  /**
   * PEFT: test_mixed_adapter_batches_disabled. There a disabled model computes the base for every
   * row; here a row is the base's if its model is the base, whatever else is in the batch.
   */
  @Test
  void rowsOfTheBaseEqualTheBaseWhateverElseIsInTheBatch() {
    int[] row = {5, 6, 7};
    float[][] alone = base.logits(row)[0];

    float[][][] mixed =
        base.logits(List.of(first.model(), base, second.model(), base), row, row, row, row);

    for (int position = 0; position < row.length; position++) {
      assertThat(mixed[1][position]).containsExactly(alone[position], within(TOLERANCE));
      assertThat(mixed[3][position]).containsExactly(alone[position], within(TOLERANCE));
      assertThat(mixed[0][position]).isNotEqualTo(mixed[2][position]);
    }
  }

  /** PEFT: test_mixed_adapter_batches_training_mode_raises. No mode: a trained view may mix. */
  @Test
  void viewInTrainingIsARowLikeAnyOther() {
    LoraConfig config = LoraConfig.builder().rank(3).dropout(0.5).targetModules("dense").build();
    try (PeftModel<CausalLm> trained = PeftModel.wrap(base, config)) {
      Map<String, TensorData> before = trained.tensors();
      int[] row = {5, 6, 7};

      float[][][] mixed = base.logits(List.of(trained.model(), first.model()), row, row);

      // fresh, it adds nothing, and nothing is dropped
      float[][] expected = base.logits(row)[0];
      for (int position = 0; position < row.length; position++) {
        assertThat(mixed[0][position]).containsExactly(expected[position], within(TOLERANCE));
      }
      assertThat(trained.tensors()).isEqualTo(before);
    }
  }

  @Test
  void rowsOfAnotherVocabularyHaveItsWidthAndTakeItsIds() throws IOException {
    Path tied = Path.of("src/test/resources/golden/bloom/tied");
    try (CausalLm small = CausalLm.load(tied.resolve("checkpoint").toString());
        PeftModel<CausalLm> resized =
            PeftModel.fromPretrained(small, tied.resolve("adapters/resized"))) {
      CausalLm large = resized.model();
      int[][] rows = {{5, 6, 7}, {106, 8}, {9}};

      float[][][] mixed = small.logits(List.of(small, large, small), rows);

      assertThat(mixed[0]).hasDimensions(3, 101);
      assertThat(mixed[1]).hasDimensions(2, 107);
      assertThat(mixed[2]).hasDimensions(1, 101);
      assertThat(mixed[1][1]).containsExactly(large.logits(rows[1])[0][1], within(TOLERANCE));
      assertThat(mixed[2][0]).containsExactly(small.logits(rows[2])[0][0], within(TOLERANCE));
      assertThatThrownBy(() -> large.logits(List.of(large, small), new int[][] {{106}, {9, 106}}))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("token id 106 at position 1 of row 1: the vocabulary has ids 0 to 100");
    }
  }
}
