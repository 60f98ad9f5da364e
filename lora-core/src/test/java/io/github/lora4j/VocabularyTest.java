package io.github.lora4j;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.spi.TensorData;
import io.github.lora4j.testing.FloatMlp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Heads and embeddings that an adapter's file carries whole. */
class VocabularyTest {

  private static final String HEAD = "base_model.model.head.weight";

  private final FloatMlp base = FloatMlp.random(1, 6, 10, 5, 2);
  private final Map<String, TensorData> tensors = new LinkedHashMap<>();
  private final TensorData x = TensorData.matrix(1, 6, new float[] {1, -2, 0.5f, 3, 1, 1});

  @TempDir Path directory;

  @BeforeEach
  void saveAnAdapter() throws IOException {
    LoraConfig config =
        LoraConfig.builder().rank(2).targetModules("up").init(LoraInit.RANDOM).build();
    try (PeftModel<FloatMlp> peft = PeftModel.wrap(base, config)) {
      peft.save(directory);
    }
    try (Safetensors file = Safetensors.open(weights())) {
      for (TensorEntry tensor : file.tensors()) {
        tensors.put(tensor.name(), new TensorData(tensor.shape(), file.floats(tensor)));
      }
    }
  }

  private Path weights() {
    return directory.resolve("adapter_model.safetensors");
  }

  private void write() throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach((name, tensor) -> writer.add(name, tensor.shape(), tensor.values()));
    writer.writeTo(weights());
  }

  private TensorData head(int rows) {
    float[] own = requireNonNull(base.weights().get("head.weight")).values();
    float[] values = Arrays.copyOf(own, rows * 6);
    Arrays.fill(values, Math.min(own.length, values.length), values.length, 0.25f);
    return TensorData.matrix(rows, 6, values);
  }

  @Test
  void aHeadThatTheBaseHoldsAlreadyIsLeftOut() throws IOException {
    tensors.put(HEAD, head(5));
    write();

    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, directory)) {
      assertThat(peft.tensors()).doesNotContainKey("head.weight").hasSize(4);
      peft.save(directory);
    }
    try (Safetensors file = Safetensors.open(weights())) {
      assertThat(file.find(HEAD)).isEmpty();
    }
  }

  @Test
  void aHeadThatDiffersStandsInThePlaceOfTheBasesAndTheBaseStays() throws IOException {
    TensorData before = base.forward(x);
    TensorData other = head(5);
    other.values()[29] += 1;
    tensors.put(HEAD, other);
    write();

    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, directory, true)) {
      assertThat(peft.tensors()).containsEntry("head.weight", other);
      assertThat(peft.parameterCount().trainable()).isEqualTo(2 * 2 * (6 + 10)); // it is frozen
      assertThat(peft.model().forward(x)).isNotEqualTo(before);
      assertThat(peft.readTensors(directory)).isEqualTo(peft.tensors());
    }
    assertThat(base.forward(x)).isEqualTo(before);
  }

  /** Words of another number, as PEFT saves them. */
  @Test
  void aResizedHeadGivesTheViewItsVocabularyAndIsSavedAgain() throws IOException {
    tensors.put(HEAD, head(7));
    write();

    try (PeftModel<FloatMlp> peft = PeftModel.fromPretrained(base, directory)) {
      assertThat(peft.model().forward(x).shape()).containsExactly(1L, 7L);
      assertThat(Arrays.copyOf(peft.model().forward(x).values(), 5)).doesNotContain(0);
      assertThat(peft.parameterCount().all())
          .isEqualTo(peft.plan().tree().parameterCount() + 2 * 2 * (6 + 10));
      peft.save(directory);
    }
    try (Safetensors file = Safetensors.open(weights())) {
      assertThat(file.require(HEAD).shape()).containsExactly(7L, 6L);
    }
    assertThat(base.forward(x).shape()).containsExactly(1L, 5L);
  }

  /**
   * PEFT: test_load_resized_embedding_ignore_mismatched_sizes; here a mismatch is never ignored.
   */
  @Test
  void anotherWidthStaysAMismatch() throws IOException {
    tensors.put(HEAD, TensorData.matrix(7, 4, new float[28]));
    write();

    assertThatThrownBy(() -> PeftModel.fromPretrained(base, directory))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("head.weight: file (7, 4), model (5, 6)");
  }

  @Test
  void aHeadWithoutANumberIsRefused() throws IOException {
    TensorData broken = head(7);
    broken.values()[41] = Float.NaN;
    tensors.put(HEAD, broken);
    write();

    assertThatThrownBy(() -> PeftModel.fromPretrained(base, directory))
        .isInstanceOf(LoraException.class)
        .hasMessageContaining("head.weight: element 41 is NaN");
  }

  @Test
  void whatATiedHeadIsTiedToIsSaidByName() {
    LoraConfig.Builder config = LoraConfig.builder().targetModules("query_key_value");
    Vocabulary vocabulary = new Vocabulary(BloomShapes.bloom560m());

    assertThat(vocabulary.untiedBy(plan(config))).isEmpty();
    assertThat(vocabulary.untiedBy(plan(config.modulesToSave("lm_head"))))
        .containsExactly("lm_head");
    assertThat(vocabulary.untiedBy(plan(config.targetModules("word_embeddings"))))
        .containsExactly("transformer.word_embeddings", "lm_head");
  }

  private static LoraPlan plan(LoraConfig.Builder config) {
    return LoraPlan.of(BloomShapes.bloom560m(), config.build());
  }
}
