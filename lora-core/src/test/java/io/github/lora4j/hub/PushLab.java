package io.github.lora4j.hub;

import io.github.lora4j.hub.testing.DoubleFile;
import io.github.lora4j.hub.testing.DoubleRepository;
import io.github.lora4j.hub.testing.DoubleRequest;
import io.github.lora4j.hub.testing.HubDouble;
import io.github.lora4j.hub.testing.UploadRoutes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** A double, somebody whose token it knows, and an adapter's files to push. */
final class PushLab implements AutoCloseable {

  static final String TOKEN = "hf_neverToBeSeen";
  static final List<String> FILES =
      List.of("adapter_config.json", "adapter_model.safetensors", "README.md");

  final HubDouble hub;
  final FakeTime time = new FakeTime();
  final Path directory;
  final byte[] weights = new byte[100_000];

  PushLab(Path directory, long partSize) throws IOException {
    this.directory = directory;
    this.hub = HubDouble.start();
    UploadRoutes.addTo(hub, partSize);
    hub.store().addUser(TOKEN, "me");
    new Random(5).nextBytes(weights);
    Files.writeString(directory.resolve(FILES.get(0)), "{\"r\": 8}\n");
    Files.write(directory.resolve(FILES.get(1)), weights);
    Files.writeString(directory.resolve(FILES.get(2)), "---\nlibrary_name: peft\n---\nö\n");
  }

  HubOptions.Builder options() {
    return time.in(HubOptions.builder(Map.of()).endpoint(hub.endpoint()).token(TOKEN));
  }

  HubCommit push(PushOptions push) throws IOException {
    return push("me/squad", options().build(), push);
  }

  HubCommit push(String id, HubOptions options, PushOptions push) throws IOException {
    return new HubPush(new HubHttp(options), options, push, directory, HubRepository.model(id))
        .run(FILES);
  }

  DoubleRepository repository() {
    return hub.store().find("models", "me/squad").orElseThrow();
  }

  /** Content of the files at a revision, without what the hub makes itself. */
  Map<String, byte[]> at(String revision) {
    Map<String, byte[]> bytes = new TreeMap<>();
    Map<String, DoubleFile> files =
        repository().files(repository().resolve(revision).orElseThrow());
    files.forEach((name, file) -> bytes.put(name, file.bytes()));
    bytes.remove(".gitattributes");
    return bytes;
  }

  Map<String, byte[]> local() throws IOException {
    Map<String, byte[]> bytes = new TreeMap<>();
    for (String name : FILES) {
      bytes.put(name, Files.readAllBytes(directory.resolve(name)));
    }
    return bytes;
  }

  List<String> requests() {
    return hub.requests().stream().map(DoubleRequest::toString).toList();
  }

  @Override
  public void close() {
    hub.close();
  }
}
