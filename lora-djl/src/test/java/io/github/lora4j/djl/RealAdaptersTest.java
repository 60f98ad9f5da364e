package io.github.lora4j.djl;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.lora4j.LoraException;
import io.github.lora4j.PeftModel;
import io.github.lora4j.io.DType;
import io.github.lora4j.io.SafetensorsWriter;
import io.github.lora4j.spi.ParameterInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Adapters from the wild beside a base of bloom-560m's shape with random weights. The vocabulary is
 * that of the golden tokenizer: no adapter touches the embedding.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class RealAdaptersTest {

  private static final int[] ROW = {10, 20, 30, 40, 50};

  private final Path shared = SharedFiles.require("data");
  private final CausalLm base;

  RealAdaptersTest(@TempDir Path temp) throws IOException {
    TinyCheckpoint checkpoint =
        new TinyCheckpoint(temp.resolve("bloom-560m"))
            .config(
                json -> {
                  json.addProperty("hidden_size", 1024);
                  json.addProperty("n_layer", 24);
                  json.addProperty("n_head", 16);
                });
    writeRandom(checkpoint);
    base = checkpoint.load(Precision.BF16);
    // the mapping keeps what it needs; half a gigabyte need not stay in the directory
    checkpoint.without(TinyCheckpoint.WEIGHTS);
  }

  private static void writeRandom(TinyCheckpoint checkpoint) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    SplittableRandom random = new SplittableRandom(7);
    for (ParameterInfo parameter : CausalLm.modules(checkpoint.directory).parameters()) {
      int elements = Math.toIntExact(parameter.elements());
      ByteBuffer bytes = ByteBuffer.allocate(2 * elements).order(ByteOrder.LITTLE_ENDIAN);
      boolean scale = parameter.name().contains("norm") || parameter.name().contains("ln_f");
      for (int i = 0; i < elements; i++) {
        double value = random.nextDouble(-0.05, 0.05);
        float shifted = (float) (scale && parameter.name().endsWith("weight") ? 1 + value : value);
        bytes.putShort((short) (Float.floatToIntBits(shifted) >>> 16));
      }
      writer.add(parameter.name(), DType.BF16, parameter.shape(), bytes.flip());
    }
    writer.writeTo(checkpoint.file(TinyCheckpoint.WEIGHTS));
  }

  @BeforeAll
  void baseHasTheShapeOfBloom560m() {
    // 560,001,024 - 786,432 of the adapter - (250,880 - 101) rows of the embedding
    assertThat(base.modules().parameterCount())
        .isEqualTo(560_001_024L - 786_432 - (250_880L - 101) * 1024);
  }

  @AfterAll
  void close() {
    base.close();
  }

  @ParameterizedTest
  @CsvSource({
    "bloom-560m-r8, 8, 786432",
    // says bias lora_only but carries no bias: the base's stay, and are counted
    "bloom-560m-r4-bias-lora-only, 4, 466944"
  })
  void adaptersOfThisBaseLoadAndChangeTheScores(String name, int rank, long trainable)
      throws IOException {
    float[][] before = base.logits(ROW)[0];

    try (PeftModel<CausalLm> peft =
        PeftModel.fromPretrained(base, shared.resolve("adapters/" + name))) {
      float[][] adapted = peft.model().logits(ROW)[0];

      assertThat(peft.config().rank()).isEqualTo(rank);
      assertThat(peft.plan().pairs()).hasSize(24);
      assertThat(peft.plan().parameterCount().trainable()).isEqualTo(trainable);
      double difference = 0;
      for (int id = 0; id < 101; id++) {
        assertThat(adapted[4][id]).isFinite();
        difference = Math.max(difference, Math.abs(adapted[4][id] - before[4][id]));
      }
      System.out.printf("%s changes the scores by up to %.4f%n", name, difference);
      assertThat(difference).isGreaterThan(1e-3);
    }
    assertThat(base.logits(ROW)[0]).isDeepEqualTo(before);
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      value = {
        "adapters/bloom-560m-r8-pickle-bin -> enable_lora is",
        "adapters/prompt-tuning-not-lora -> is not supported; wanted LORA",
        "adapters/bert-seq-cls-modules-to-save -> made for SEQ_CLS and brings a head of its own",
        "adapters/gpt2-r8 -> target modules .* match nothing",
        "adapters/gpt2-r8-listed-targets-that-do-not-exist -> target modules .* match nothing",
        "adapters/gpt2-seq-cls -> made for SEQ_CLS and brings a head|target modules .* match nothing",
        "adapters/opt-125m-r8 -> target modules .* match nothing",
        "adapters/phi-1.5-r4 -> target modules .* match nothing",
        "adapters/gemma3-270m-r4 -> target modules .* match nothing",
        "adapters/qwen2.5-3b-r4 -> target modules .* match nothing",
        "adapters/tinyllama-r4 -> target modules .* match nothing",
        "adapters/gpt-neox-r1-f16 -> does not fit bloom-560m",
        // uploads that broke off, of other bases: the damage comes first
        "adapters-damaged/sherryxzhao__lora_alpaca__output -> truncated",
        "adapters-damaged/yongshuaiy__LLMs-final__lora_model -> truncated",
        "adapters-damaged/yongshuaiy__LLMs-final__output_checkpoint-100 -> truncated",
      })
  void othersAreRefusedWithTheReason(String name, String reason) {
    Path directory = shared.resolve(name);
    assertThat(directory).isDirectory();

    Throwable thrown = catchThrowable(() -> PeftModel.fromPretrained(base, directory).close());

    assertThat(thrown).isInstanceOfAny(LoraException.class, IOException.class);
    String message = requireNonNull(thrown.getMessage());
    System.out.println("refused " + name + ":\n  " + message);
    assertThat(message).containsPattern(reason);
    assertThat(message.lines().count()).isLessThanOrEqualTo(98); // 48 missing, 48 foreign
    assertThat(message).doesNotContain("Exception", "https://", "java.");
  }

  @Test
  void truncatedWeightsAreRefusedForTheirTruncation(@TempDir Path temp) throws IOException {
    byte[] whole =
        Files.readAllBytes(shared.resolve("adapters/bloom-560m-r8/adapter_model.safetensors"));
    Files.copy(
        shared.resolve("adapters/bloom-560m-r8/adapter_config.json"),
        temp.resolve("adapter_config.json"));
    Path file = temp.resolve("adapter_model.safetensors");
    Files.write(file, Arrays.copyOf(whole, whole.length / 2));

    Throwable thrown = catchThrowable(() -> PeftModel.fromPretrained(base, temp).close());

    assertThat(thrown).isInstanceOf(IOException.class);
    assertThat(thrown.getMessage()).startsWith(file + ": ").contains("truncated").hasLineCount(1);
  }
}
