package io.github.lora4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.lora4j.AdapterFiles;
import io.github.lora4j.AdapterInspection;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorEntry;
import io.github.lora4j.io.TorchFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConvertAdapterTest {

  private final Path directory;

  ConvertAdapterTest(@TempDir Path directory) {
    this.directory = directory;
  }

  private static Ran convert(Object... args) {
    return Ran.example(
        ConvertAdapter::new,
        java.util.Arrays.stream(args).map(Object::toString).toArray(String[]::new));
  }

  private Path adapter() throws IOException {
    Path adapter = Files.createDirectories(directory.resolve("old"));
    for (String file : new String[] {"adapter_config.json", "adapter_model.bin"}) {
      Files.copy(TinyFiles.core("torch/adapter").resolve(file), adapter.resolve(file));
    }
    return adapter;
  }

  @Test
  void fileOfTorchBecomesTheOneOfPeft() throws IOException {
    Path out = directory.resolve("new/adapter");

    Ran ran = convert(adapter(), out);

    assertThat(ran.err()).isEmpty();
    assertThat(ran.out()).contains("8 tensors, ", "rank ", out.toString());
    assertThat(out.resolve("adapter_model.safetensors"))
        .hasSameBinaryContentAs(TinyFiles.core("mlp/both-targets/adapter_model.safetensors"));
    assertThat(out.resolve("adapter_config.json"))
        .hasSameBinaryContentAs(TinyFiles.core("torch/adapter/adapter_config.json"));
    assertThat(out.toFile().list()).hasSize(2);
  }

  @Test
  void withoutASecondDirectoryItStandsBesideTheOldOne() throws IOException {
    Path adapter = adapter();

    assertThat(convert(adapter).exitCode()).isZero();

    assertThat(adapter.resolve("adapter_model.safetensors"))
        .hasSameBinaryContentAs(TinyFiles.core("mlp/both-targets/adapter_model.safetensors"));
    assertThat(AdapterInspection.of(AdapterFiles.in(adapter)).weights())
        .isEqualTo("adapter_model.safetensors");
  }

  @Test
  void nothingIsReplaced() throws IOException {
    Path adapter = adapter();
    convert(adapter, directory.resolve("out"));

    Ran again = convert(adapter, directory.resolve("out"));

    assertThat(again.exitCode()).isEqualTo(1);
    assertThat(again.err().lines())
        .singleElement()
        .asString()
        .contains("adapter_model.safetensors: is there already; name another directory");
  }

  @Test
  void hostilePickleLeavesNothingBehind() throws IOException {
    Path adapter = adapter();
    Files.copy(
        TinyFiles.core("torch/refused-command.bin"),
        adapter.resolve("adapter_model.bin"),
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);

    Ran ran = convert(adapter, directory.resolve("out"));

    assertThat(ran.exitCode()).isEqualTo(1);
    assertThat(ran.err().lines())
        .singleElement()
        .asString()
        .contains("GLOBAL 'posix.system' is refused");
    assertThat(Files.exists(directory.resolve("out"))).isFalse();
  }

  @Test
  void whatIsMissingIsNamed() throws IOException {
    Path adapter = adapter();
    Files.move(adapter.resolve("adapter_model.bin"), adapter.resolve("adapter_model.safetensors"));
    assertThat(convert(adapter).err())
        .contains("adapter_model.bin: missing; adapter_model.safetensors is there");

    Files.delete(adapter.resolve("adapter_config.json"));
    assertThat(convert(adapter).err()).contains("adapter_config.json: missing; an adapter needs");
  }

  @Test
  void realFilesKeepEveryBit() throws IOException {
    for (String name : new String[] {"bloom-560m-r8-pickle-bin", "prompt-tuning-not-lora"}) {
      Path adapter = TinyFiles.shared("data/adapters/" + name);
      Path out = directory.resolve(name);

      Ran ran = convert(adapter, out);

      assertThat(ran.out()).contains("converted, but this library does not load it");
      try (TorchFile before = TorchFile.open(adapter.resolve("adapter_model.bin"));
          Safetensors after = Safetensors.open(out.resolve("adapter_model.safetensors"))) {
        assertThat(after.tensors()).hasSameSizeAs(before.tensors()).isNotEmpty();
        for (TensorEntry tensor : before.tensors()) {
          assertThat(after.bytes(after.require(tensor.name()))).isEqualTo(before.bytes(tensor));
        }
      }
    }
  }
}
