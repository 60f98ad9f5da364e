package io.github.lora4j;

import io.github.lora4j.hub.HubCommit;
import io.github.lora4j.hub.HubOptions;
import io.github.lora4j.hub.HubRepository;
import io.github.lora4j.hub.HubUploader;
import io.github.lora4j.hub.PushOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Saves an adapter and pushes its files; what could not be pushed stays on disk. */
final class AdapterPush {

  private static final List<String> FILES =
      List.of(LoraConfigKeys.FILE_NAME, AdapterWriter.WEIGHTS, AdapterWriter.CARD);

  private final HubRepository repository;
  private final HubOptions options;
  private final PushOptions push;

  AdapterPush(String id, HubOptions options, PushOptions push) {
    this.repository = HubRepository.model(id);
    this.options = options;
    this.push = push;
  }

  /** By way of a directory that goes when all is committed. */
  HubCommit run(AdapterValues adapter) throws IOException {
    Path parent = Files.createTempDirectory("lora4j-push");
    Path directory = parent.resolve("adapter");
    boolean kept = false;
    try {
      return run(adapter, directory);
    } catch (IOException e) {
      kept = Files.isDirectory(directory); // the message names it
      throw e;
    } finally {
      if (!kept) {
        for (String file : FILES) {
          Files.deleteIfExists(directory.resolve(file));
        }
        Files.deleteIfExists(directory);
        Files.delete(parent);
      }
    }
  }

  HubCommit run(AdapterValues adapter, Path directory) throws IOException {
    AdapterWriter.write(
        directory,
        adapter.plan(),
        adapter.tensors(),
        (config, plan) -> ModelCard.onHub(config, plan, repository));
    return HubUploader.of(options).push(repository, directory, FILES, push);
  }
}
