package io.github.lora4j;

import io.github.lora4j.io.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** An adapter in a directory. */
final class FilesInDirectory extends AdapterFiles {

  private final Path directory;

  FilesInDirectory(String name, Path directory) {
    super(name);
    this.directory = directory;
  }

  @Override
  void requirePlace() throws IOException {
    if (!Files.isDirectory(directory)) {
      throw new NoSuchFileException(
          directory.toString(),
          null,
          "not a directory; wanted one with %s and %s"
              .formatted(LoraConfigKeys.FILE_NAME, AdapterWriter.WEIGHTS));
    }
  }

  @Override
  boolean has(String file) {
    return Files.exists(directory.resolve(file));
  }

  @Override
  String where(String file) {
    return directory.resolve(file).toString();
  }

  @Override
  byte[] bytes(String file, long most) throws IOException {
    Path path = directory.resolve(file);
    requireAtMost(file, Files.size(path), most);
    return Files.readAllBytes(path);
  }

  @Override
  Safetensors tensors(String file) throws IOException {
    return Safetensors.open(directory.resolve(file));
  }
}
