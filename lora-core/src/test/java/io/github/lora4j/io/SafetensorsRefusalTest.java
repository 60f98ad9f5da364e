package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every way in which a file can lie is refused by name and number. */
class SafetensorsRefusalTest {

  @TempDir Path directory;

  @Test
  void headerLongerThanTheFile() throws IOException {
    Path file = RawFile.writeClaiming(directory, 1000, bytes("{}"), 0);

    refused(file, "the header claims 1000 bytes, but the file has only 2 after its length");
  }

  @Test
  void headerLongerThanTheFormatAllows() throws IOException {
    Path file = RawFile.writeClaiming(directory, 100_000_001, bytes("{}"), 0);

    refused(file, "the header claims 100000001 bytes, the format allows 100000000");
  }

  @Test
  void headerLengthBeyondTheSignedRange() throws IOException {
    Path file = RawFile.writeClaiming(directory, -1, bytes("{}"), 0);

    refused(file, "the header claims 18446744073709551615 bytes, the format allows 100000000");
  }

  @Test
  void headerMustLeaveRoomInTheHeap() { // not an OutOfMemoryError, which ends more than the load
    assertThat(SafetensorsHeader.fitsHeap(SafetensorsHeader.MAX_HEADER, 1L << 30)).isTrue();
    assertThat(SafetensorsHeader.fitsHeap(SafetensorsHeader.MAX_HEADER, 1L << 29)).isFalse();
    assertThat(SafetensorsHeader.fitsHeap(1 << 20, 1 << 26)).isTrue();
  }

  @Test
  void fileShorterThanItsLengthField() throws IOException {
    Path file = Files.write(directory.resolve("short.safetensors"), new byte[5]);

    refused(file, "the file has 5 bytes, a safetensors file at least 8");
  }

  @Test
  void emptyFile() throws IOException {
    Path file = Files.createFile(directory.resolve("empty.safetensors"));

    refused(file, "the file has 0 bytes, a safetensors file at least 8");
  }

  @Test
  void overlappingTensors() throws IOException {
    String first = RawFile.tensor("a", "F32", "[2]", "[0,8]");
    String second = RawFile.tensor("b", "F32", "[2]", "[4,12]");

    refused(
        RawFile.write(directory, "{" + first + "," + second + "}", 12),
        "tensor 'b' begins at byte 4 of the data, but tensor 'a' before it ends at 8 (overlap)");
  }

  @Test
  void twoTensorsOnTheSameBytes() throws IOException {
    String first = RawFile.tensor("a", "F32", "[2]", "[0,8]");
    String second = RawFile.tensor("b", "F32", "[2]", "[0,8]");

    refused(
        RawFile.write(directory, "{" + first + "," + second + "}", 8),
        "tensor 'b' begins at byte 0 of the data, but tensor 'a' before it ends at 8 (overlap)");
  }

  @Test
  void holeBetweenTensors() throws IOException {
    String first = RawFile.tensor("a", "F32", "[2]", "[0,8]");
    String second = RawFile.tensor("b", "F32", "[2]", "[12,20]");

    refused(
        RawFile.write(directory, "{" + first + "," + second + "}", 20),
        "tensor 'b' begins at byte 12 of the data, but tensor 'a' before it ends at 8 (hole)");
  }

  @Test
  void holeBeforeTheFirstTensor() throws IOException {
    Path file =
        RawFile.write(directory, "{" + RawFile.tensor("a", "F32", "[2]", "[4,12]") + "}", 12);

    refused(file, "tensor 'a' begins at byte 4 of the data, but the header before it ends at 0");
  }

  @Test
  void bytesAfterTheLastTensor() throws IOException {
    String header = "{" + RawFile.tensor("a", "F32", "[2]", "[0,8]") + "}";

    refused(
        RawFile.write(directory, header, 11),
        "the tensors end at byte %d, the file at %d"
            .formatted(8 + header.length() + 8, 8 + header.length() + 11));
  }

  @Test
  void offsetsOutOfRange() throws IOException {
    refused(
        one("F32", "[4]", "[0,16]", 12),
        "tensor 'a' claims bytes 0 to 16 of 12 of data; the file is truncated or damaged, fetch it again");
  }

  @Test
  void offsetsBackwards() throws IOException {
    refused(one("F32", "[2]", "[8,0]", 8), "tensor 'a' claims bytes 8 to 0 of 8 of data");
  }

  @Test
  void negativeOffsets() throws IOException {
    refused(one("F32", "[2]", "[-8,0]", 8), "tensor 'a': data_offsets holds -8, which is negative");
  }

  @Test
  void offsetsBeyondTheRangeOfLong() throws IOException {
    refused(
        one("U8", "[1]", "[0,9223372036854775808]", 1),
        "tensor 'a': data_offsets holds 9223372036854775808, which is no 64-bit integer");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[]", "[0]", "[0,4,8]"})
  void offsetsThatAreNoPair(String offsets) throws IOException {
    refused(one("F32", "[1]", offsets, 4), "tensor 'a': data_offsets wants 2 numbers, got ");
  }

  @Test
  void shapeTimesTypeOtherThanTheBytes() throws IOException {
    refused(
        one("F32", "[2,3]", "[0,20]", 20),
        "tensor 'a': shape [2, 3] of F32 needs 24 bytes, data_offsets give 20");
  }

  @Test
  void emptyShapeOfManyBytes() throws IOException {
    refused(
        one("F16", "[]", "[0,4]", 4),
        "tensor 'a': shape [] of F16 needs 2 bytes, data_offsets give 4");
  }

  @Test
  void duplicateNames() throws IOException {
    String tensor = RawFile.tensor("a", "U8", "[0]", "[0,0]");

    refused(
        RawFile.write(directory, "{" + tensor + "," + tensor + "}", 0),
        "'a' stands twice in the header");
  }

  @Test
  void duplicateKeysOfATensor() throws IOException {
    refused(
        RawFile.write(directory, "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0),
        "tensor 'a': 'dtype' stands twice");
  }

  @Test
  void duplicateMetadata() throws IOException {
    refused(
        RawFile.write(directory, "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0),
        "metadata 'k' stands twice");
    refused(
        RawFile.write(directory, "{\"__metadata__\":{},\"__metadata__\":{}}", 0),
        "'__metadata__' stands twice");
  }

  @Test
  void headerThatIsNotUtf8() throws IOException {
    byte[] header = bytes("{\"a?\":{}}");
    header[3] = (byte) 0xFF;

    refused(RawFile.write(directory, header, 0), "the header is not UTF-8 from its byte 3 on");
  }

  @Test
  void negativeDimensions() throws IOException {
    refused(one("F32", "[-2,-3]", "[0,24]", 24), "tensor 'a': shape holds -2, which is negative");
  }

  @Test
  void sizeThatOverflows() throws IOException {
    refused(
        one("F32", "[4294967296,4294967296]", "[0,0]", 0),
        "tensor 'a': the size of shape [4294967296, 4294967296] overflows");
  }

  @Test
  void dimensionBeyondTheRangeOfLong() throws IOException {
    refused(
        one("U8", "[99999999999999999999]", "[0,0]", 0),
        "tensor 'a': shape holds 99999999999999999999, which is no 64-bit integer");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[1.5]", "[1e2]", "[2.0]"})
  void dimensionsThatAreNoIntegers(String shape) throws IOException {
    refused(one("U8", shape, "[0,0]", 0), "tensor 'a': shape holds ", "which is no 64-bit integer");
  }

  @Test
  void dimensionsThatAreNoNumbers() throws IOException {
    refused(
        one("U8", "[\"1\"]", "[0,1]", 1), "tensor 'a': shape holds something that is no number");
  }

  @Test
  void truncatedData() throws IOException {
    Path whole = directory.resolve("whole.safetensors");
    new SafetensorsWriter().add("w", java.util.List.of(10L), new float[10]).writeTo(whole);
    byte[] bytes = Files.readAllBytes(whole);
    Path file = directory.resolve("cut.safetensors");
    Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - 1));

    refused(file, "tensor 'w' claims bytes 0 to 40 of 39 of data; the file is truncated");
  }

  @Test
  void unknownType() throws IOException {
    refused(
        one("C64", "[1]", "[0,8]", 8), "tensor 'a' has dtype 'C64', wanted one of [BOOL, U8, I8");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}",
        "{\"a\":{\"shape\":[0],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,0]}}"
      })
  void tensorThatLacksAKey(String header) throws IOException {
    refused(
        RawFile.write(directory, header, 0), "tensor 'a' needs dtype, shape and data_offsets, has");
  }

  @Test
  void unknownKeyOfATensor() throws IOException {
    refused(
        RawFile.write(directory, "{\"a\":{\"stride\":[1]}}", 0),
        "tensor 'a' has an unknown key 'stride'");
  }

  @Test
  void metadataThatIsNoString() throws IOException {
    refused(
        RawFile.write(directory, "{\"__metadata__\":{\"k\":1}}", 0), "metadata 'k' is no string");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "x", "[]", "{", "{\"a\":1}", "{'a':{}}", "{}}", "{\"a\":null}", "{,}"})
  void headerThatIsNotTheJsonWanted(String header) throws IOException {
    refused(RawFile.write(directory, header, 0), "header");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"dtype\":null", "\"shape\":{}", "\"shape\":[NaN]", "\"dtype\":\"F3"})
  void entryThatIsNotTheJsonWanted(String field) throws IOException {
    refused(RawFile.write(directory, "{\"a\":{" + field + "}}", 0), "is not the JSON wanted");
  }

  @Test
  void pointerLeftByGit() throws IOException {
    Path file = directory.resolve("pointer.safetensors");
    Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n");

    refused(file, "is it a safetensors file, or the pointer that git leaves");
  }

  @Test
  void nameThatWouldMoveTheCursorIsSpeltOut() throws IOException {
    String entry = RawFile.tensor("a\\n\\u001b[2Jb", "F32", "[1]", "[0,8]");

    refused(RawFile.write(directory, "{" + entry + "}", 4), "'a\\u000a\\u001b[2Jb' claims bytes");
  }

  @Test
  void endlessNameIsCut() throws IOException {
    String entry = RawFile.tensor("n".repeat(100_000), "F32", "[1]", "[0,8]");
    Path file = RawFile.write(directory, "{" + entry + "}", 4);

    assertThatThrownBy(() -> Safetensors.open(file).close())
        .isInstanceOf(TensorFileException.class)
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(2000).endsWith("…"));
  }

  @Test
  void headerThatNestsWithoutEnd() throws IOException {
    refused(RawFile.write(directory, "{\"a\":" + "[".repeat(1_000_000), 0), "header");
  }

  @Test
  void missingFile() {
    Path file = directory.resolve("nowhere.safetensors");

    assertThatThrownBy(() -> Safetensors.open(file))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("nowhere.safetensors");
  }

  @Test
  void directoryWithAPickleOnly() throws IOException {
    Files.createFile(directory.resolve("pytorch_model.bin"));

    assertThatThrownBy(() -> Safetensors.open(directory))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("pytorch_model.bin is a pickle, which can run code and is not read");
  }

  @Test
  void directoryWithoutAModel() {
    assertThatThrownBy(() -> Safetensors.open(directory))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining(directory.toString())
        .hasMessageContaining("holds neither model.safetensors nor model.safetensors.index.json");
  }

  private Path one(String dtype, String shape, String offsets, int dataBytes) throws IOException {
    String header = "{" + RawFile.tensor("a", dtype, shape, offsets) + "}";
    return RawFile.write(directory, header, dataBytes);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void refused(Path file, String... parts) {
    assertThatThrownBy(() -> Safetensors.open(file).close())
        .isInstanceOf(TensorFileException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContainingAll(parts)
        .satisfies(e -> assertThat(e.getMessage()).hasLineCount(1).doesNotContain("https://"));
  }
}
