package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import io.github.lora4j.Golden;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SafetensorsTest {

  private static final long GIB = 1L << 30;

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource(DType.class)
  void everyTypeReadsAsTorchReadsIt(DType dtype) throws IOException {
    List<JsonElement> expected =
        Golden.json("safetensors/every-dtype.json")
            .getAsJsonObject()
            .getAsJsonArray(dtype.name())
            .asList();

    try (Safetensors file = Safetensors.open(Golden.path("safetensors/every-dtype.safetensors"))) {
      TensorEntry tensor = file.require(dtype.name());
      float[] values = file.floats(tensor);

      assertThat(tensor.dtype()).isEqualTo(dtype);
      assertThat(values).hasSize(expected.size());
      for (int i = 0; i < values.length; i++) {
        assertThat(values[i]).as("element %d", i).isEqualTo(Float.valueOf(number(expected.get(i))));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void everyTypeIsReadIntoMemoryThatIsThere(DType dtype) throws IOException {
    Path path = Golden.path("safetensors/every-dtype.safetensors");
    try (Safetensors file = Safetensors.open(path);
        Safetensors memory = Safetensors.of("row 7", ByteBuffer.wrap(Files.readAllBytes(path)))) {
      for (Safetensors each : List.of(file, memory)) {
        TensorEntry tensor = each.require(dtype.name());
        int count = (int) tensor.elements() - 1;
        float[] wanted = each.floats(tensor, 1, count);
        for (ByteOrder order : List.of(ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN)) {
          for (int before : new int[] {0, 3}) {
            ByteBuffer room = ByteBuffer.allocateDirect(before + Float.BYTES * count).order(order);
            room.position(before);

            each.read(tensor, 1, room);

            assertThat(room.position()).isEqualTo(before);
            float[] found = new float[count];
            room.asFloatBuffer().get(found);
            assertThat(found).isEqualTo(wanted);
          }
        }
        assertThatThrownBy(() -> each.read(tensor, 2, ByteBuffer.allocate(Float.BYTES * count)))
            .isInstanceOf(IndexOutOfBoundsException.class)
            .hasMessageContaining("elements 2 to " + (count + 2));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void bytesInMemoryReadAsTheFileDoes(DType dtype) throws IOException {
    Path path = Golden.path("safetensors/every-dtype.safetensors");
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(path));

    try (Safetensors file = Safetensors.open(path);
        Safetensors memory = Safetensors.of("row 7", bytes)) {
      TensorEntry tensor = memory.require(dtype.name());

      assertThat(memory.floats(tensor)).isEqualTo(file.floats(file.require(dtype.name())));
      assertThat(memory.buffer(tensor, 0, (int) tensor.bytes()))
          .isEqualTo(file.buffer(file.require(dtype.name()), 0, (int) tensor.bytes()));
      assertThat(memory.metadata()).isEqualTo(file.metadata());
      assertThat(memory.sha256()).isEqualTo(file.sha256()).hasSize(64);
    }
  }

  @Test
  void bytesInMemoryAreNotCopiedAndCannotBeWrittenThrough() throws IOException {
    byte[] all = Files.readAllBytes(Golden.path("safetensors/shapes.safetensors"));
    try (Safetensors memory = Safetensors.of("row 7", ByteBuffer.wrap(all))) {
      ByteBuffer piece = memory.buffer(memory.require("five"), 0, 24);
      all[(int) memory.require("five").offset()] ^= 1;

      assertThat(piece.get(0)).isEqualTo(all[(int) memory.require("five").offset()]);
      assertThat(piece.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
      assertThatThrownBy(() -> piece.put(0, (byte) 1)).isInstanceOf(ReadOnlyBufferException.class);
    }
  }

  @Test
  void fileThatIsCutShortAfterOpeningIsRefusedRatherThanRead() throws IOException {
    Path path = directory.resolve("cut.safetensors");
    Files.copy(Golden.path("safetensors/shapes.safetensors"), path);
    try (Safetensors file = Safetensors.open(path)) {
      setLength(path, file.require("five").offset() + 8);

      assertThatThrownBy(() -> file.floats(file.require("five")))
          .isInstanceOf(TensorFileException.class)
          .hasMessageContaining("it was cut short after it was opened");
    }
  }

  private static float number(JsonElement value) {
    return switch (value.getAsString()) {
      case "nan" -> Float.NaN;
      case "inf" -> Float.POSITIVE_INFINITY;
      case "-inf" -> Float.NEGATIVE_INFINITY;
      default -> value.getAsFloat();
    };
  }

  @Test
  void metadataOfTheReferenceIsRead() throws IOException {
    try (Safetensors file =
        Safetensors.open(Golden.path("safetensors/other-metadata.safetensors"))) {
      assertThat(file.metadata()).isEqualTo(Map.of("note", "of \"any\" kind\nä漢"));
    }
    try (Safetensors file = Safetensors.open(Golden.path("safetensors/no-metadata.safetensors"))) {
      assertThat(file.metadata()).isEmpty();
      assertThat(file.floats(file.require("a"))).containsExactly(1);
    }
  }

  @Test
  void shapesOfTheReferenceAreRead() throws IOException {
    try (Safetensors file = Safetensors.open(Golden.path("safetensors/shapes.safetensors"))) {
      assertThat(file.require("scalar").shape()).isEmpty();
      assertThat(file.require("scalar").elements()).isEqualTo(1);
      assertThat(file.require("none").shape()).containsExactly(0L);
      assertThat(file.floats(file.require("none-inside"))).isEmpty();
      assertThat(file.require("five").shape()).containsExactly(1L, 2L, 1L, 3L, 1L);
      assertThat(file.floats(file.require("five"))).containsOnly(1).hasSize(6);
    }
  }

  @Test
  void namesOfTheReferenceAreRead() throws IOException {
    try (Safetensors file = Safetensors.open(Golden.path("safetensors/odd-names.safetensors"))) {
      assertThat(file.tensors())
          .extracting(TensorEntry::name)
          .containsExactly(
              "", "<html>&'=", "back\\slash", "quo\"te", "tab\there", "z".repeat(100), "ä漢😀");
      assertThat(file.floats(file.require("ä漢😀"))).containsExactly(0, 0);
    }
  }

  @Test
  void fileWithoutTensorsIsRead() throws IOException {
    try (Safetensors file = Safetensors.open(Golden.path("safetensors/no-tensors.safetensors"))) {
      assertThat(file.tensors()).isEmpty();
      assertThat(file.metadata()).containsEntry("format", "pt");
    }
  }

  @Test
  void singleFileOfADirectoryIsOpened() throws IOException {
    new SafetensorsWriter()
        .add("a", List.of(1L), new float[] {7})
        .writeTo(directory.resolve("model.safetensors"));

    try (Safetensors file = Safetensors.open(directory)) {
      assertThat(file.floats(file.require("a"))).containsExactly(7);
    }
  }

  @Test
  void tensorsAreListedInTheOrderOfTheirData() throws IOException {
    String header =
        "{%s,%s}"
            .formatted(
                RawFile.tensor("second", "U8", "[1]", "[1,2]"),
                RawFile.tensor("first", "U8", "[1]", "[0,1]"));

    try (Safetensors file = Safetensors.open(RawFile.write(directory, header, 2))) {
      assertThat(file.tensors()).extracting(TensorEntry::name).containsExactly("first", "second");
    }
  }

  @Test
  void headerPaddedWithSpacesIsRead() throws IOException {
    String header = "{" + RawFile.tensor("a", "U8", "[3]", "[0,3]") + "}      ";

    try (Safetensors file = Safetensors.open(RawFile.write(directory, header, 3))) {
      assertThat(file.floats(file.require("a"))).containsExactly(0, 0, 0);
    }
  }

  @Test
  void dimensionOfZeroHidesNoOverflow() throws IOException {
    String header = "{" + RawFile.tensor("a", "F32", "[9223372036854775807,9,0]", "[0,0]") + "}";

    try (Safetensors file = Safetensors.open(RawFile.write(directory, header, 0))) {
      assertThat(file.require("a").elements()).isZero();
    }
  }

  @Test
  void tensorBeyondTwoGibibytesIsReadInPieces() throws IOException {
    Path path = sparse();

    try (Safetensors file = Safetensors.open(path)) {
      TensorEntry big = file.require("big");
      assertThat(big.bytes()).isEqualTo(3 * GIB);
      assertThat(big.elements()).isEqualTo(3 * GIB / 2);
      ByteBuffer end = file.buffer(big, 3 * GIB - 4, 4);
      assertThat(end.order()).isEqualTo(ByteOrder.LITTLE_ENDIAN);
      assertThat(end.getInt(0)).isEqualTo(0x12345678);
      assertThat(file.floats(file.require("tail"))).containsExactly(1.5f, -2f);
      float[] last = file.floats(big, big.elements() - 3, 3);
      assertThat(last)
          .containsExactly(
              0, HalfFloats.fromF16((short) 0x5678), HalfFloats.fromF16((short) 0x1234));
      assertThat(file.floats(big, big.elements(), 0)).isEmpty();
      assertThatThrownBy(() -> file.floats(big, big.elements() - 3, 4))
          .isInstanceOf(IndexOutOfBoundsException.class)
          .hasMessage("elements 1610612733 to 1610612737 of tensor 'big', which has 1610612736");
      assertThat(file.buffer(big, 0, Integer.MAX_VALUE).remaining()).isEqualTo(Integer.MAX_VALUE);
    }
  }

  @Test
  void tensorOfMoreElementsThanAnArrayIsNotConverted() throws IOException {
    String header =
        "{%s}".formatted(RawFile.tensor("big", "U8", "[3221225472]", "[0,%d]".formatted(3 * GIB)));
    Path path = RawFile.write(directory, header, 0);
    setLength(path, 8 + header.length() + 3 * GIB);

    try (Safetensors file = Safetensors.open(path)) {
      assertThatThrownBy(() -> file.floats(file.require("big")))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "tensor 'big' has 3221225472 elements, an array holds fewer than 2^31; read it by"
                  + " buffer()");
    }
  }

  /** 3 GiB of a hole, with four bytes at its end and a small tensor behind: takes no room. */
  private Path sparse() throws IOException {
    String header =
        "{%s,%s}"
            .formatted(
                RawFile.tensor("big", "F16", "[1610612736]", "[0,%d]".formatted(3 * GIB)),
                RawFile.tensor("tail", "F32", "[2]", "[%d,%d]".formatted(3 * GIB, 3 * GIB + 8)));
    Path path = RawFile.write(directory, header, 0);
    long start = 8L + header.getBytes(StandardCharsets.UTF_8).length;
    setLength(path, start + 3 * GIB + 8);
    ByteBuffer end = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
    end.putInt(0x12345678).putFloat(1.5f).putFloat(-2f);
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.seek(start + 3 * GIB - 4);
      file.write(end.array());
    }
    return path;
  }

  private static void setLength(Path path, long length) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(length);
    }
  }

  @Test
  void pieceOutsideATensorIsRefused() throws IOException {
    try (Safetensors file = Safetensors.open(Golden.path("safetensors/shapes.safetensors"))) {
      TensorEntry tensor = file.require("five");

      assertThatThrownBy(() -> file.buffer(tensor, 20, 5))
          .isInstanceOf(IndexOutOfBoundsException.class)
          .hasMessage("bytes 20 to 25 of tensor 'five', which has 24");
      assertThatThrownBy(() -> file.buffer(tensor, -1, 5))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> file.buffer(tensor, Long.MAX_VALUE, 5))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> file.buffer(tensor, 0, -1))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void mappedBytesCannotBeWritten() throws IOException {
    try (Safetensors file = Safetensors.open(Golden.path("safetensors/shapes.safetensors"))) {
      ByteBuffer bytes = file.buffer(file.require("five"), 0, 24);

      assertThatThrownBy(() -> bytes.put(0, (byte) 1)).isInstanceOf(ReadOnlyBufferException.class);
    }
  }

  @Test
  void mappedBytesOutliveTheFile() throws IOException {
    ByteBuffer bytes;
    try (Safetensors file = Safetensors.open(Golden.path("safetensors/shapes.safetensors"))) {
      bytes = file.buffer(file.require("five"), 0, 24);
    }

    assertThat(bytes.getFloat(20)).isEqualTo(1);
  }

  @Test
  void fileThatShrinksAfterOpeningIsNoticed() throws IOException {
    Path path = directory.resolve("a.safetensors");
    new SafetensorsWriter().add("a", List.of(4L), new float[4]).writeTo(path);

    try (Safetensors file = Safetensors.open(path)) {
      setLength(path, Files.size(path) - 1);

      assertThatThrownBy(() -> file.floats(file.require("a")))
          .isInstanceOf(TensorFileException.class)
          .hasMessageContaining("was cut short after it was opened");
    }
  }

  @Test
  void tensorOfAnotherFileIsRefused() throws IOException {
    try (Safetensors file = Safetensors.open(Golden.path("safetensors/shapes.safetensors"));
        Safetensors other = Safetensors.open(Golden.path("safetensors/rounding.safetensors"))) {
      assertThatThrownBy(() -> file.floats(other.require("f16")))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("tensor 'f16' is not of these files");
    }
  }

  @Test
  void missingTensorIsNamed() throws IOException {
    Path path = Golden.path("safetensors/shapes.safetensors");
    try (Safetensors file = Safetensors.open(path)) {
      assertThat(file.find("nothing")).isEmpty();
      assertThatThrownBy(() -> file.require("nothing"))
          .isInstanceOf(TensorFileException.class)
          .hasMessage(path + ": has no tensor 'nothing'");
    }
  }
}
