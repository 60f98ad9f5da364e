package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.Golden;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsWriterTest {

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"every-dtype", "rounding", "no-tensors", "odd-names", "shapes"})
  void bytesEqualTheReferenceWhateverTheOrderOfAdding(String name) throws IOException {
    Path golden = Golden.path("safetensors/" + name + ".safetensors");
    for (int seed = 0; seed < 5; seed++) {
      SafetensorsWriter writer = new SafetensorsWriter();
      try (Safetensors file = Safetensors.open(golden)) {
        List<TensorEntry> shuffled = new ArrayList<>(file.tensors());
        Collections.shuffle(shuffled, new Random(seed));
        for (TensorEntry tensor : shuffled) {
          ByteBuffer bytes = file.buffer(tensor, 0, (int) tensor.bytes());
          writer.add(tensor.name(), tensor.dtype(), tensor.shape(), bytes);
        }
      }
      Path written = directory.resolve(name);
      writer.writeTo(written);

      assertThat(written).as("seed %d", seed).hasSameBinaryContentAs(golden);
      assertThat(writer.size()).isEqualTo(Files.size(written));
    }
  }

  @Test
  void headerEndsAtAMultipleOfEightBytes() throws IOException {
    for (int length = 1; length <= 17; length++) {
      Path file = directory.resolve("a.safetensors");
      new SafetensorsWriter().add("n".repeat(length), List.of(1L), new float[1]).writeTo(file);

      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
      long header = bytes.getLong(0);
      assertThat(header % 8).isZero();
      assertThat(8 + header + 4).isEqualTo(bytes.limit());
      assertThat(bytes.get(8)).isEqualTo((byte) '{');
    }
  }

  @Test
  void everyTensorIsAlignedToItsElements() throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    for (DType dtype : DType.values()) {
      ByteBuffer three = ByteBuffer.allocate(3 * dtype.sizeInBytes());
      writer.add(dtype.name(), dtype, List.of(3L), three);
    }
    Path file = directory.resolve("a.safetensors");
    writer.writeTo(file);

    try (Safetensors tensors = Safetensors.open(file)) {
      assertThat(tensors.tensors()).hasSize(DType.values().length);
      assertThat(tensors.tensors())
          .allSatisfy(t -> assertThat(t.offset() % t.dtype().sizeInBytes()).isZero());
    }
  }

  @Test
  void metadataIsWrittenInOneOrder() throws IOException {
    Path file = directory.resolve("a.safetensors");
    new SafetensorsWriter().metadata("z", "1").metadata("a", "2").writeTo(file);
    byte[] first = Files.readAllBytes(file);
    new SafetensorsWriter().metadata("a", "2").metadata("z", "1").writeTo(file);

    assertThat(file).hasBinaryContent(first);
    try (Safetensors tensors = Safetensors.open(file)) {
      assertThat(tensors.metadata()).containsOnlyKeys("a", "format", "z");
    }
  }

  @Test
  void valuesLongerThanAChunkSurvive() throws IOException {
    float[] values = new float[600_000];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    Path file = directory.resolve("a.safetensors");
    new SafetensorsWriter().add("a", List.of(600L, 1000L), values).writeTo(file);

    try (Safetensors tensors = Safetensors.open(file)) {
      assertThat(tensors.floats(tensors.require("a"))).isEqualTo(values);
    }
  }

  @Test
  void bitsOfNanSurvive() throws IOException {
    Path file = directory.resolve("a.safetensors");
    float odd = Float.intBitsToFloat(0x7FC12345);
    new SafetensorsWriter().add("a", List.of(2L), new float[] {odd, -0f}).writeTo(file);

    try (Safetensors tensors = Safetensors.open(file)) {
      ByteBuffer bytes = tensors.buffer(tensors.require("a"), 0, 8);
      assertThat(bytes.getInt(0)).isEqualTo(0x7FC12345);
      assertThat(bytes.getInt(4)).isEqualTo(0x80000000);
    }
  }

  @Test
  void shapeThatDisagreesWithTheValuesIsRefused() {
    assertThatThrownBy(() -> new SafetensorsWriter().add("a", List.of(2L, 3L), new float[5]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("tensor 'a': shape [2, 3] of F32 needs 24 bytes, got 20");
  }

  @Test
  void negativeDimensionIsRefused() {
    assertThatThrownBy(() -> new SafetensorsWriter().add("a", List.of(-2L, -3L), new float[6]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("tensor 'a': shape [-2, -3] has a negative dimension");
  }

  @Test
  void secondTensorOfANameIsRefused() {
    SafetensorsWriter writer = new SafetensorsWriter().add("a", List.of(), new float[1]);

    assertThatThrownBy(() -> writer.add("a", List.of(), new float[1]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("tensor 'a' was added before");
  }

  @Test
  void namesThatNoReaderCouldUseAreRefused() {
    assertThatThrownBy(() -> new SafetensorsWriter().add("__metadata__", List.of(), new float[1]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("__metadata__");
    assertThatThrownBy(() -> new SafetensorsWriter().add("\uD800", List.of(), new float[1]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("half a character");
  }

  @Test
  void placeholderCountsButCannotBeWritten() {
    SafetensorsWriter writer = new SafetensorsWriter().addPlaceholder("a", List.of(2L, 3L));
    SafetensorsWriter real = new SafetensorsWriter().add("a", List.of(2L, 3L), new float[6]);
    Path file = directory.resolve("a.safetensors");

    assertThat(writer.size()).isEqualTo(real.size());
    assertThatThrownBy(() -> writer.writeTo(file))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("tensor 'a' is a placeholder");
    assertThat(directory).isEmptyDirectory();
  }
}
