package io.github.lora4j.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.lora4j.hub.testing.DoubleRepository;
import io.github.lora4j.hub.testing.DoubleRequest;
import io.github.lora4j.hub.testing.HubDouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** A double with a model in it, and a client whose cache is a directory of the test. */
final class HubLab implements AutoCloseable {

  static final String TOKEN = "hf_neverToBeSeen";
  static final String ID = "me/tiny";
  static final HubRepository MODEL = HubRepository.model(ID);
  static final String WEIGHTS = "model.safetensors";

  final FakeTime time = new FakeTime();
  final HubDouble hub;
  final Path cache;
  final DoubleRepository repository;
  final byte[] weights = bytes(20_000, 7);

  HubLab(Path directory) throws IOException {
    this.hub = HubDouble.start();
    this.cache = directory.resolve("hub");
    this.repository = hub.store().model(ID);
    repository.commitText(
        Map.of(
            "config.json", "{\"model_type\":\"bloom\"}",
            "tokenizer.json", "{}",
            "tokenizer_config.json", "{}",
            "README.md", "# tiny"));
    repository.commit("pytorch_model.bin", bytes(100, 3));
    repository.commit(WEIGHTS, weights);
    hub.store().addUser(TOKEN, "me");
  }

  static byte[] bytes(int count, long seed) {
    byte[] bytes = new byte[count];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  String head() {
    return repository.resolve("main").orElseThrow();
  }

  HubOptions.Builder options() {
    return time.in(HubOptions.builder(Map.of()).endpoint(hub.endpoint()).cache(cache).anonymous());
  }

  HubClient client() {
    return HubClient.of(options().build());
  }

  /** Without a network: a request would fail, and would be seen. */
  HubClient offline() {
    return HubClient.of(options().offline(true).build());
  }

  List<String> paths() {
    return hub.requests().stream().map(DoubleRequest::path).toList();
  }

  /** How the content of large files was asked for, by the ranges of the requests. */
  List<String> ranges() {
    return hub.requests().stream()
        .filter(request -> request.host().equals("storage"))
        .map(request -> request.header("range").orElse("all"))
        .toList();
  }

  /** Names below {@code blobs}, of whole files only. */
  List<String> blobs() throws IOException {
    Path blobs = cache.resolve(MODEL.folder()).resolve("blobs");
    if (!Files.isDirectory(blobs)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(blobs)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.endsWith(".incomplete"))
          .sorted()
          .toList();
    }
  }

  Path pointer(String name) {
    return cache.resolve(MODEL.folder()).resolve("snapshots").resolve(head()).resolve(name);
  }

  static HubException failure(ThrowingCallable call) {
    HubException failure = catchThrowableOfType(HubException.class, call);
    assertThat(failure).as("a HubException").isNotNull();
    assertThat(failure.toString()).doesNotContain(TOKEN);
    return failure;
  }

  @Override
  public void close() {
    List<Throwable> failures = hub.failures();
    hub.close();
    assertThat(failures).isEmpty();
  }
}
