package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShardedWriterTest {

  @TempDir Path directory;

  @Test
  void whatFitsIsOneFile() throws IOException {
    write(3 * 16, "a", "b", "c");

    assertThat(directory.toFile().list()).containsExactly("model.safetensors");
    try (Safetensors file = Safetensors.open(directory)) {
      assertThat(file.metadata()).containsEntry("format", "pt");
      assertThat(file.tensors()).extracting(TensorEntry::name).containsExactly("a", "b", "c");
    }
  }

  /** The index as transformers 5.18 writes it. */
  @Test
  void whatDoesNotFitIsShardedWithAnIndex() throws IOException {
    write(2 * 16, "b", "a", "c");

    assertThat(directory.toFile().list())
        .containsExactlyInAnyOrder(
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json");
    assertThat(directory.resolve("model.safetensors.index.json"))
        .hasContent(
            """
            {
              "metadata": {
                "total_parameters": 12,
                "total_size": 48
              },
              "weight_map": {
                "a": "model-00001-of-00002.safetensors",
                "b": "model-00001-of-00002.safetensors",
                "c": "model-00002-of-00002.safetensors"
              }
            }
            """);
    try (Safetensors file = Safetensors.open(directory)) {
      assertThat(file.floats(file.require("c"))).containsExactly(2, 3, 4, 5);
    }
  }

  @Test
  void tensorLargerThanAShardStandsAlone() throws IOException {
    write(8, "a", "b");

    assertThat(directory.toFile().list()).hasSize(3);
  }

  @Test
  void filesOfItsKindAreKnown() {
    assertThat(
            List.of(
                "model.safetensors",
                "model-00001-of-00002.safetensors",
                "model.safetensors.index.json"))
        .allMatch(ShardedWriter::writes);
    assertThat(List.of("adapter_model.safetensors", "model-q4.safetensors", "config.json"))
        .noneMatch(ShardedWriter::writes);
  }

  @Test
  void contentOfAnotherLengthIsRefused() {
    ShardedWriter writer =
        new ShardedWriter(100).add("a", DType.F32, List.of(5L), content(0)); // 20 bytes

    assertThatThrownBy(() -> writer.writeTo(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("tensor 'a': wanted 20 bytes, got 16");
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void sizeThatHoldsNothingIsRefused() {
    assertThatThrownBy(() -> new ShardedWriter(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("maxShardBytes must be positive, got 0");
  }

  @Test
  void nameThatComesTwiceIsRefused() {
    assertThatThrownBy(() -> write(16, "a", "a"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("tensor 'a' was added twice");
  }

  private void write(long maxShardBytes, String... names) throws IOException {
    ShardedWriter writer = new ShardedWriter(maxShardBytes);
    for (int i = 0; i < names.length; i++) {
      writer.add(names[i], DType.F32, List.of(2L, 2L), content(i));
    }
    writer.writeTo(directory);
  }

  /** Four floats: 16 bytes. */
  private static AtomicFile.Content content(int first) {
    ByteBuffer bytes = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 4; i++) {
      bytes.putFloat(first + i);
    }
    return channel -> AtomicFile.writeFully(channel, bytes.duplicate().rewind());
  }
}
