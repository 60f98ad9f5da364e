package io.github.lora4j;

import io.github.lora4j.hub.HubClient;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.HubRepository;
import io.github.lora4j.io.Safetensors;
import io.github.lora4j.io.TensorFile;
import io.github.lora4j.io.TorchFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/** An adapter in a directory. */
final class FilesInDirectory extends AdapterFiles {

  private final Path directory;

  FilesInDirectory(String name, Path directory) {
    super(name);
    this.directory = directory;
  }

  /** An adapter on the hub, loaded into the cache if it is not there. */
  static FilesInDirectory onHub(HubClient hub, String id) throws IOException {
    return new FilesInDirectory(id, hub.adapter(HubRepository.model(id)));
  }

  /** An adapter in a directory if there is one of this name, else on the hub. */
  static AdapterFiles named(String directoryOrId, Supplier<HubOptions> options) throws IOException {
    Optional<Path> local = HubClient.localDirectory(directoryOrId);
    if (local.isPresent()) {
      return AdapterFiles.in(local.get());
    }
    HubClient hub = HubClient.of(options.get());
    return new FilesInDirectory(directoryOrId, hub.adapterDirectory(directoryOrId));
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
    Path path = ordinary(file);
    requireAtMost(file, Files.size(path), most);
    try (InputStream in = Files.newInputStream(path)) {
      return in.readNBytes((int) most); // it may be growing
    }
  }

  /** A link may lead to another file, as in Hugging Face's cache, but to no device and no pipe. */
  private Path ordinary(String file) throws IOException {
    Path path = directory.resolve(file);
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new FileSystemException(
          path.toString(), null, "is a directory, a device or a pipe, wanted an ordinary file");
    }
    return path;
  }

  @Override
  TensorFile tensors(String file) throws IOException {
    Path path = ordinary(file);
    return file.equals(LEGACY_WEIGHTS) ? TorchFile.open(path) : Safetensors.open(path);
  }
}
