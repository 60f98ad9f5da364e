package io.github.lora4j.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.lora4j.Golden;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of torch.save hold the same tensors as the safetensors files beside them, bit for bit. */
class TorchFileTest {

  @TempDir Path directory;

  private static Path golden(String name) {
    return Golden.path("torch/" + name);
  }

  @ParameterizedTest
  @CsvSource({
    "types.bin, types",
    "types-stream.bin, types",
    "views.bin, views",
    "views-stream.bin, views",
    "state-dict.bin, state-dict",
    "state-dict-stream.bin, state-dict",
    "parameters.bin, parameters",
    "parameters-stream.bin, parameters",
    "many.bin, many",
    "many-stream.bin, many",
    "protocol-3.bin, state-dict",
    "protocol-3-stream.bin, state-dict",
    "protocol-4.bin, state-dict",
    "protocol-4-stream.bin, state-dict",
    "protocol-5.bin, state-dict",
    "protocol-5-stream.bin, state-dict"
  })
  void bothLayoutsGiveTheTensorsOfSafetensors(String name, String same) throws IOException {
    try (TorchFile file = TorchFile.open(golden(name));
        Safetensors expected = Safetensors.open(golden(same + ".safetensors"))) {
      assertThat(file.tensors())
          .extracting(TensorEntry::name)
          .containsExactlyInAnyOrderElementsOf(
              expected.tensors().stream().map(TensorEntry::name).toList());
      for (TensorEntry wanted : expected.tensors()) {
        TensorEntry found = file.find(wanted.name()).orElseThrow();

        assertThat(found.dtype()).as(wanted.name()).isEqualTo(wanted.dtype());
        assertThat(found.shape()).as(wanted.name()).isEqualTo(wanted.shape());
        assertThat(file.bytes(found)).as(wanted.name()).isEqualTo(expected.bytes(wanted));
        assertThat(file.floats(found)).as(wanted.name()).isEqualTo(expected.floats(wanted));
      }
    }
  }

  @Test
  void tensorsComeInTheOrderOfTheDictionary() throws IOException {
    try (TorchFile file = TorchFile.open(golden("parameters.bin"))) {
      assertThat(file.tensors())
          .extracting(TensorEntry::name)
          .containsExactly("trained", "frozen", "leaf");
      assertThat(file.find("other")).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"views.bin", "views-stream.bin"})
  void bytesInMemoryAreReadLikeAFile(String name) throws IOException {
    byte[] bytes = Files.readAllBytes(golden(name));
    ByteBuffer shifted = ByteBuffer.allocate(bytes.length + 9).position(4).put(bytes).flip();

    try (TorchFile file = TorchFile.open(golden(name));
        TorchFile memory = TorchFile.of("row 7", shifted.position(4))) {
      for (TensorEntry tensor : file.tensors()) {
        TensorEntry same = memory.find(tensor.name()).orElseThrow();
        assertThat(memory.floats(same)).isEqualTo(file.floats(tensor));
      }
      assertThat(memory.sha256()).isEqualTo(file.sha256()).hasSize(64);
    }
  }

  @Test
  void entryTellsWhereTheFirstElementStands() throws IOException {
    byte[] bytes = Files.readAllBytes(golden("views.bin"));

    try (TorchFile file = TorchFile.open(golden("views.bin"))) {
      TensorEntry block = file.find("block").orElseThrow();
      float first =
          ByteBuffer.wrap(bytes)
              .order(java.nio.ByteOrder.LITTLE_ENDIAN)
              .getFloat((int) block.offset());

      assertThat(first).isEqualTo(file.floats(block)[0]);
      assertThat(block.bytes()).isEqualTo(2 * 3 * 4);
    }
  }

  @Test
  void entryOfAnotherFileIsRefused() throws IOException {
    try (TorchFile file = TorchFile.open(golden("views.bin"));
        TorchFile other = TorchFile.open(golden("views-stream.bin"))) {
      TensorEntry foreign = other.find("base").orElseThrow();

      assertThatThrownBy(() -> file.floats(foreign))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("tensor 'base' is not of this file");
    }
  }

  @Test
  void fileThatIsCutAfterOpeningIsRefused() throws IOException {
    Path copy = Files.copy(golden("views-stream.bin"), directory.resolve("views.bin"));
    try (TorchFile file = TorchFile.open(copy)) {
      TensorEntry last =
          file.tensors().stream()
              .max(java.util.Comparator.comparing(TensorEntry::offset))
              .orElseThrow();
      byte[] bytes = Files.readAllBytes(copy);
      Files.write(copy, Arrays.copyOf(bytes, bytes.length - 100));

      assertThatThrownBy(() -> file.floats(last)).isInstanceOf(TensorFileException.class);
    }
  }

  @Test
  void topDirectoryMayHaveAnyName() throws IOException {
    var entries = RawTorch.entries(RawTorch.onePair());
    java.util.Map<String, byte[]> renamed = new java.util.LinkedHashMap<>();
    entries.forEach((name, bytes) -> renamed.put(name.replace("archive/", "æ ö/"), bytes));

    try (TorchFile file = TorchFile.of("zip", ByteBuffer.wrap(RawTorch.zip(renamed)))) {
      assertThat(file.tensors())
          .singleElement()
          .returns(List.of(2L), TensorEntry::shape)
          .returns(DType.F32, TensorEntry::dtype);
    }
  }
}
