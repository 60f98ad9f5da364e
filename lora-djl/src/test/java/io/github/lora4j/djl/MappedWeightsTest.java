package io.github.lora4j.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.LoraException;
import io.github.lora4j.io.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A base that is stored as it is used is mapped from its file, and let go when it closes. */
final class MappedWeightsTest {

  private static final Path MAPS = Path.of("/proc/self/maps");

  private final TinyCheckpoint checkpoint;

  MappedWeightsTest(@TempDir Path temp) throws IOException {
    Assumptions.assumeTrue(Files.exists(MAPS), "only Linux says what a process has mapped");
    checkpoint = new TinyCheckpoint(temp.resolve("model"));
  }

  @ParameterizedTest
  @CsvSource({"F32, FP32", "F16, FP16", "BF16, BF16"})
  void weightsStoredInThePrecisionAreMapped(DType stored, Precision precision) throws IOException {
    checkpoint.weights(TinyCheckpoint.tensors(), stored);

    try (CausalLm base = checkpoint.load(precision)) {
      assertThat(base.logits(new int[] {1, 2})[0]).hasDimensions(2, 101);
      assertThat(mapped()).isNotEmpty();
    }

    assertThat(mapped()).isEmpty();
  }

  @Test
  void convertedWeightsLetTheFileGo() throws IOException {
    checkpoint.weights(TinyCheckpoint.tensors(), DType.F16);

    try (CausalLm base = checkpoint.load(Precision.BF16)) {
      assertThat(base.logits(new int[] {1, 2})[0]).hasDimensions(2, 101);
      assertThat(mapped()).isEmpty();
    }
  }

  @Test
  void refusedCheckpointsLetTheFileGo() throws IOException {
    checkpoint.weights(TinyCheckpoint.tensors(), DType.I32);

    assertThatThrownBy(() -> checkpoint.load(Precision.FP32).close())
        .isInstanceOf(LoraException.class);

    assertThat(mapped()).isEmpty();
  }

  private List<String> mapped() throws IOException {
    String path = checkpoint.file(TinyCheckpoint.WEIGHTS).toString();
    return Files.readAllLines(MAPS).stream().filter(line -> line.endsWith(path)).toList();
  }
}
