package io.github.lora4j;

import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.io.TorchFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.Map;

/** An adapter in memory. */
final class FilesInMemory extends AdapterFiles {

  private final Map<String, ByteBuffer> files;

  FilesInMemory(String name, Map<String, ByteBuffer> files) {
    super(name);
    this.files = files;
  }

  @Override
  void requirePlace() {}

  @Override
  boolean has(String file) {
    return files.containsKey(file);
  }

  @Override
  String where(String file) {
    return name() + "/" + file;
  }

  @Override
  byte[] bytes(String file, long most) throws IOException {
    ByteBuffer buffer = require(file);
    requireAtMost(file, buffer.remaining(), most);
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  @Override
  TensorFile tensors(String file) throws IOException {
    return file.equals(LEGACY_WEIGHTS)
        ? TorchFile.of(where(file), require(file))
        : Safetensors.of(where(file), require(file));
  }

  private ByteBuffer require(String file) throws IOException {
    ByteBuffer bytes = files.get(file);
    if (bytes == null) {
      throw new NoSuchFileException(where(file));
    }
    return bytes.duplicate();
  }
}
